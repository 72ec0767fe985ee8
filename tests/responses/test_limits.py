"""How much of what is stored may be read at once: nothing is unpacked beyond it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import orjson
import pytest

from blueprints.api_v1.errors import InvalidRequest
from blueprints.api_v1.response_store import ResponseStore
from models import stored_response_reads
from models.stored_response_reads import TooLargeToRead
from tests.conftest import GatewayFactory
from tests.harness.demo import Demo
from tests.models.ledger import Ledger
from tests.responses.client import Responses, user
from tests.responses.conftest import CONFIG

MOST = 10_000


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """Tables of the test's own."""
    ledger = Ledger(database_url)
    yield ledger
    ledger.close()


@pytest.fixture
def account(ledger: Ledger) -> int:
    """An account of the test's own."""
    return ledger.add_accounts(1)[0]


def a_store(ledger: Ledger, account: int, most: int = MOST) -> ResponseStore:
    """What one request has at hand."""
    return ResponseStore(ledger.storage, account, 1, most)


def keep(store: ResponseStore, number: int, *, of_input: int = 10, of_output: int = 10) -> str:
    """Store a response that builds on the one before it; give its id."""
    response_id = f"resp_{number}"
    output = [{"id": f"msg_{number}", "text": "x" * of_output}]
    previous = f"resp_{number - 1}" if number else None
    response = {"id": response_id, "previous_response_id": previous, "status": "completed", "output": output}
    store.keep(response, [{"id": f"in_{number}", "text": "x" * of_input}])
    return response_id


@pytest.mark.parametrize("dialect", ["chat", "native"])
def test_chain_longer_than_a_request_may_be_is_refused(
    gateway_factory: GatewayFactory, demo: Demo, dialect: str
) -> None:
    config = CONFIG.format(demo=demo.base_url) + "\n[service]\nmax_body_mb = 1\n"
    gateway = gateway_factory("sqlite", config=config)
    api = Responses(gateway, gateway.account(plan="all")["token"], model=dialect)
    first = api.create([user("x" * 600_000), user("hello")])
    second = api.create([user("x" * 600_000), user("hello")], previous_response_id=first["id"])
    refused = api.post(input="more", previous_response_id=second["id"])
    error = refused.json()["error"]
    assert refused.status_code == 400
    assert (error["code"], error["param"]) == ("context_length_exceeded", "previous_response_id")
    assert api.rows("usage_log", request_id=refused.headers["x-request-id"]) == []
    for path in ("/compact", "/input_tokens"):
        assert api.post(path, input="more", previous_response_id=second["id"]).status_code == 400


def test_long_chain_is_refused_before_it_is_loaded(api: Responses) -> None:
    made = api.create("one")
    api.write(
        "UPDATE stored_responses SET input_items = 'damaged', input_bytes = 40000000 WHERE response_id = :id",
        id=made["id"],
    )
    refused = api.post(input="two", previous_response_id=made["id"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "context_length_exceeded")


def test_chain_of_just_the_allowed_length_is_read(ledger: Ledger, account: int) -> None:
    store = a_store(ledger, account)
    keep(store, 0, of_input=3000)
    last = keep(store, 1, of_output=3000)
    chain = stored_response_reads.links(ledger.storage, account, last)
    assert chain is not None
    size = sum(link.size for link in chain)
    assert len(a_store(ledger, account, size).history(last)) == 4
    with pytest.raises(InvalidRequest):
        a_store(ledger, account, size - 1).history(last)


def test_rows_without_sizes_are_unpacked_up_to_the_limit_only(ledger: Ledger, account: int) -> None:
    last = keep(a_store(ledger, account), 0, of_input=5000)
    sizeless = "UPDATE stored_responses SET input_bytes = NULL, body_bytes = NULL"
    ledger.storage.write(lambda connection: connection.exec_driver_sql(sizeless))
    assert len(a_store(ledger, account).history(last)) == 2
    with pytest.raises(InvalidRequest) as refused:
        a_store(ledger, account, 5000).history(last)
    assert refused.value.code == "context_length_exceeded"
    with pytest.raises(InvalidRequest):
        a_store(ledger, account, 5000).input_items(last)


def test_referred_items_are_limited_together(ledger: Ledger, account: int) -> None:
    store = a_store(ledger, account)
    for number in range(3):
        keep(store, number, of_output=4000)
    reader = a_store(ledger, account)
    for _ in range(5):  # the same one again costs nothing
        assert (reader.item("msg_0") or {})["text"] == "x" * 4000
    assert reader.item("msg_1") is not None
    with pytest.raises(InvalidRequest) as refused:
        reader.item("msg_2")
    assert (refused.value.code, refused.value.param) == ("context_length_exceeded", "input")


def test_response_longer_than_a_request_may_be_is_not_stored(ledger: Ledger, account: int) -> None:
    store = a_store(ledger, account)
    assert store.response(keep(store, 0, of_input=5000, of_output=5000)) is None
    assert store.response(keep(store, 1, of_input=4000, of_output=5000)) is not None
    begun = {"id": "resp_2", "status": "in_progress", "output": []}
    assert store.begin(begun, [{"id": "in_2", "text": "x" * 5000}], lambda: 1)
    store.end({**begun, "status": "completed", "output": [{"id": "msg_2", "text": "x" * 5000}]})
    assert store.response("resp_2") is None


def test_text_is_unpacked_up_to_its_limit() -> None:
    packed = zlib.compress(orjson.dumps("x" * 998), 1)
    assert len(stored_response_reads.unpacked(packed, 1000)) == 1000
    with pytest.raises(TooLargeToRead):
        stored_response_reads.unpacked(packed, 999)
    with pytest.raises(zlib.error):
        stored_response_reads.unpacked(packed[:-4], 1000)
