"""Rows of stored responses: how they end, get lost, and are forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from models import lease, stored_response, stored_response_reads
from models.stored_response import Kept, State, StoredItem, StoredResponse, TooLargeToStore
from service.process.worker import Housekeeping, Worker
from tests.models.ledger import NOON, Ledger

OWNER = 4711
MOST = 1_000_000


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """Tables of the test's own, at noon of 10 March 2026."""
    ledger = Ledger(database_url)
    yield ledger
    ledger.close()


@pytest.fixture
def account(ledger: Ledger) -> int:
    """An account of the test's own."""
    return ledger.add_accounts(1)[0]


def kept(response_id: str, body: bytes = b"{}") -> Kept:
    """A response without input."""
    return Kept(response_id, None, b"[]", body)


def states(ledger: Ledger, account: int, *ids: str) -> list[State | None]:
    """The state of each response."""
    return [stored_response_reads.state_of(ledger.storage, account, response_id) for response_id in ids]


def count(ledger: Ledger, table: type[StoredResponse | StoredItem]) -> int:
    """How many rows a table has."""
    rows = sa.select(sa.func.count()).select_from(table)
    return ledger.storage.read(lambda connection: connection.execute(rows).scalar_one())


def test_expired_responses_are_forgotten_in_portions_with_their_items(ledger: Ledger, account: int) -> None:
    for number in range(5):
        stored_response.keep(ledger.storage, account, kept(f"resp_{number}"), [f"msg_{number}"], days=1, most=MOST)
    stored_response.keep(ledger.storage, account, kept("resp_young"), ["msg_young"], days=3, most=MOST)
    assert stored_response.forget_expired(ledger.storage, at_most=2) == 0
    ledger.storage.clock = NOON + timedelta(days=1, seconds=1)
    portions = [stored_response.forget_expired(ledger.storage, at_most=2) for _ in range(4)]
    assert portions == [2, 2, 1, 0]
    assert (count(ledger, StoredResponse), count(ledger, StoredItem)) == (1, 1)
    assert states(ledger, account, "resp_0", "resp_young") == [None, State.ENDED]


def test_housekeeping_forgets_all_that_is_expired(ledger: Ledger, account: int) -> None:
    for number in range(stored_response.PORTION + 5):
        stored_response.keep(ledger.storage, account, kept(f"resp_{number}"), [], days=1, most=MOST)
    ledger.storage.clock = NOON + timedelta(days=2)
    Housekeeping(Worker(ledger.storage), ledger.storage).forget_expired()
    assert count(ledger, StoredResponse) == 0


def test_running_response_is_lost_with_its_owners_lease_and_comes_back_with_it(ledger: Ledger, account: int) -> None:
    lease.renew(ledger.storage, OWNER, "host", 1)
    stored_response.begin(ledger.storage, account, kept("resp_1"), OWNER, days=1, most=MOST)
    assert states(ledger, account, "resp_1") == [State.RUNNING]
    lease.end(ledger.storage, OWNER)
    assert states(ledger, account, "resp_1") == [State.LOST]
    lease.renew(ledger.storage, OWNER, "host", 1)  # it stood still for a while
    assert states(ledger, account, "resp_1") == [State.RUNNING]


def test_response_ends_once(ledger: Ledger, account: int) -> None:
    lease.renew(ledger.storage, OWNER, "host", 1)
    stored_response.begin(ledger.storage, account, kept("resp_1"), OWNER, days=1, most=MOST)
    assert stored_response.end(ledger.storage, account, "resp_1", b'{"first": 1}', ["msg_1"], MOST)
    assert not stored_response.end(ledger.storage, account, "resp_1", b'{"second": 2}', ["msg_2"], MOST)
    assert stored_response_reads.body_with_item(ledger.storage, account, "msg_1", MOST) == b'{"first": 1}'
    assert stored_response_reads.body_with_item(ledger.storage, account, "msg_2", MOST) is None
    assert states(ledger, account, "resp_1") == [State.ENDED]


@pytest.mark.parametrize("items", [["msg_1"], ["rs_1", "msg_1", "fc_1"]])
def test_response_stored_twice_is_there_once_with_each_of_its_items(
    ledger: Ledger, account: int, items: list[str]
) -> None:
    body = b'{"text": "100 %s, \\u00e9"}' + bytes(range(256))
    for _ in range(2):  # the answer to the first COMMIT was lost
        stored_response.keep(ledger.storage, account, kept("resp_1", body), items, days=1, most=MOST)
    found = [stored_response_reads.body_with_item(ledger.storage, account, item, MOST) for item in items]
    assert found == [body] * len(items)
    assert (count(ledger, StoredResponse), count(ledger, StoredItem)) == (1, len(items))


@pytest.mark.parametrize("items", [["msg_1"], ["rs_1", "msg_1"]])
def test_response_whose_items_cannot_be_stored_is_not_stored(ledger: Ledger, account: int, items: list[str]) -> None:
    stored_response.keep(ledger.storage, account, kept("resp_1"), ["msg_1"], days=1, most=MOST)
    with pytest.raises((sa.exc.IntegrityError, sqlite3.IntegrityError)):
        stored_response.keep(ledger.storage, account, kept("resp_2"), items, days=1, most=MOST)
    assert states(ledger, account, "resp_1", "resp_2") == [State.ENDED, None]
    assert count(ledger, StoredItem) == 1


def test_response_deleted_while_it_runs_does_not_come_back(ledger: Ledger, account: int) -> None:
    lease.renew(ledger.storage, OWNER, "host", 1)
    stored_response.begin(ledger.storage, account, kept("resp_1"), OWNER, days=1, most=MOST)
    assert stored_response.forget(ledger.storage, account, "resp_1")
    assert not stored_response.end(ledger.storage, account, "resp_1", b"{}", ["msg_1"], MOST)
    assert (count(ledger, StoredResponse), count(ledger, StoredItem)) == (0, 0)


def test_only_the_owner_is_told_of_its_cancellations_and_only_of_running_ones(ledger: Ledger, account: int) -> None:
    other = ledger.add_accounts(1)[0]
    for owner_id in (OWNER, OWNER + 1):
        lease.renew(ledger.storage, owner_id, "host", 1)
    for response_id, owner_id in (("resp_1", OWNER), ("resp_2", OWNER), ("resp_3", OWNER + 1), ("resp_4", OWNER)):
        stored_response.begin(ledger.storage, account, kept(response_id), owner_id, days=1, most=MOST)
    stored_response.end(ledger.storage, account, "resp_4", b"{}", [], MOST)
    for response_id in ("resp_1", "resp_3", "resp_4", "resp_unknown"):
        stored_response.ask_cancel(ledger.storage, account, response_id)
    stored_response.ask_cancel(ledger.storage, other, "resp_2")
    assert stored_response.cancels_asked(ledger.storage, OWNER) == ["resp_1"]
    assert states(ledger, account, "resp_1", "resp_2", "resp_4") == [State.STOPPING, State.RUNNING, State.ENDED]


def test_response_that_outgrows_the_limit_is_stored_no_more(
    ledger: Ledger, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_response, "MAX_BYTES", 100)
    lease.renew(ledger.storage, OWNER, "host", 1)
    stored_response.begin(ledger.storage, account, kept("resp_1"), OWNER, days=1, most=MOST)
    body = bytes(range(256))  # does not compress
    with pytest.raises(TooLargeToStore):
        stored_response.end(ledger.storage, account, "resp_1", body, [], MOST)
    with pytest.raises(TooLargeToStore):
        stored_response.keep(ledger.storage, account, kept("resp_2", body), [], days=1, most=MOST)
    assert count(ledger, StoredResponse) == 0


def test_response_whose_end_nobody_could_store_is_lost(ledger: Ledger, account: int) -> None:
    lease.renew(ledger.storage, OWNER, "host", 1)
    stored_response.begin(ledger.storage, account, kept("resp_1"), OWNER, days=1, most=MOST)
    stored_response.lose(ledger.storage, account, "resp_1")
    assert states(ledger, account, "resp_1") == [State.LOST]
    stored_response.keep(ledger.storage, account, kept("resp_2"), [], days=1, most=MOST)
    stored_response.lose(ledger.storage, account, "resp_2")
    assert states(ledger, account, "resp_2") == [State.ENDED]
