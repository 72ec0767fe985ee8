"""Storing that fails: the answer goes out all the same, and nobody is shown a response that runs for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import sqlalchemy as sa

from blueprints.api_v1 import response_store
from blueprints.api_v1.kept_response import KeptResponse, KeptStream
from blueprints.api_v1.relay_stream import StreamedAnswer
from blueprints.api_v1.response_store import ResponseStore
from models import lease, stored_response, stored_response_reads
from models.storage import StorageUnavailable
from models.stored_response import State
from tests.models.ledger import Ledger

OWNER = 4711
RESPONSE: dict[str, Any] = {"id": "resp_1", "status": "completed", "output": [{"id": "msg_1"}]}


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """Tables of the test's own, and a living worker."""
    ledger = Ledger(database_url)
    lease.renew(ledger.storage, OWNER, "host", 1)
    yield ledger
    ledger.close()


@pytest.fixture
def store(ledger: Ledger) -> ResponseStore:
    """A store in which a response runs."""
    store = ResponseStore(ledger.storage, ledger.add_accounts(1)[0], 1, 1_000_000)
    assert store.begin({**RESPONSE, "status": "in_progress", "output": []}, [], lambda: OWNER)
    return store


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, list[Exception]], None]:
    """Lets a write fail with one error after the other before it is done."""

    def prepare(name: str, errors: list[Exception]) -> None:
        done = getattr(stored_response, name)

        def write(*known: Any) -> Any:
            if errors:
                raise errors.pop(0)
            return done(*known)

        monkeypatch.setattr(stored_response, name, write)

    return prepare


Refuse = Callable[[str, list[Exception]], None]


def state(ledger: Ledger, store: ResponseStore) -> State | None:
    """What a reader is told."""
    return stored_response_reads.state_of(ledger.storage, store._account_id, "resp_1")


def test_end_that_is_refused_for_a_moment_is_stored_before_it_is_told(
    ledger: Ledger, store: ResponseStore, refuse: Refuse
) -> None:
    refuse("end", [StorageUnavailable("away"), StorageUnavailable("away")])
    store.end(RESPONSE)
    assert state(ledger, store) is State.ENDED
    assert store.item("msg_1") == {"id": "msg_1"}


def test_end_that_is_refused_for_good_is_shown_as_lost(
    ledger: Ledger, store: ResponseStore, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_store, "END_WAIT_S", 0.2)
    refuse("end", [StorageUnavailable("away")] * 100)
    refuse("lose", [StorageUnavailable("away")])
    others: list[int] = []
    ledger.storage.unfinished.add(lambda: others.append(1))
    store.end(RESPONSE)
    assert (others, len(ledger.storage.unfinished)) == ([], 2)  # no request does the work of others
    ledger.storage.unfinished.repeat()
    assert state(ledger, store) is State.LOST


@pytest.mark.parametrize("name", ["keep", "end"])
def test_end_that_the_database_can_never_take_raises_nothing_and_does_not_run_for_ever(
    ledger: Ledger, store: ResponseStore, refuse: Refuse, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(name, [sa.exc.IntegrityError("INSERT", {}, ValueError("there already"))])
    if name == "keep":
        store.keep(RESPONSE, [])
    else:
        store.end(RESPONSE)
    assert state(ledger, store) is State.LOST
    assert "there already" in caplog.text


def test_beginning_that_the_database_can_never_take_raises_nothing(store: ResponseStore, refuse: Refuse) -> None:
    refuse("begin", [sa.exc.DataError("INSERT", {}, ValueError("too long"))])
    assert not store.begin(RESPONSE, [], lambda: OWNER)


def test_response_is_left_also_where_its_stream_cannot_be_closed() -> None:
    left: list[str] = []

    class Broken:
        def close(self) -> None:
            raise ValueError("no such socket")

    class Kept:
        def leave(self) -> None:
            left.append("left")

    stream = KeptStream(cast(StreamedAnswer, Broken()), cast(KeptResponse, Kept()))
    with pytest.raises(ValueError, match="no such socket"):
        stream.close()
    assert left == ["left"]
