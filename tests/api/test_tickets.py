"""A reserved row is closed once, also when the database refuses at that moment."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from blueprints.api_v1.admission import Ticket
from blueprints.api_v1.errors import StorageTrouble
from models import reservation
from models.reservation import Outcome
from models.storage import StorageUnavailable

OUTCOME = Outcome(status="completed")


class LaterWorker:
    """Keeps what is to be finished later."""

    def __init__(self) -> None:
        self.later: list[Callable[[], object]] = []

    def finish_later(self, closing: Callable[[], object]) -> None:
        self.later.append(closing)


class Rows:
    """Stands for ``models.reservation``; notes what it is asked, and refuses while ``is_down``."""

    def __init__(self) -> None:
        self.is_down = False
        self.is_ours = True
        self.asked: list[str] = []

    def _do(self, what: str) -> bool:
        if self.is_down:
            raise StorageUnavailable("locked")
        self.asked.append(what)
        return self.is_ours

    def mark(self, *_: Any, **__: Any) -> bool:
        return self._do("mark")

    def settle(self, *_: Any, **__: Any) -> bool:
        return self._do("settle")

    def give_back(self, *_: Any) -> bool:
        return self._do("give_back")


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Rows:
    rows = Rows()
    for name in ("mark", "settle", "give_back"):
        monkeypatch.setattr(reservation, name, getattr(rows, name))
    return rows


@pytest.fixture
def worker() -> LaterWorker:
    return LaterWorker()


@pytest.fixture
def ticket(rows: Rows, worker: LaterWorker) -> Ticket:
    reserved = SimpleNamespace(row_id=1, standing=None, step=None)
    return Ticket(cast(Any, None), cast(Any, worker), 1, cast(Any, reserved))


def test_closing_twice_closes_once(ticket: Ticket, rows: Rows) -> None:
    ticket.settle(OUTCOME)
    ticket.settle(OUTCOME)
    ticket.give_back(OUTCOME)
    assert rows.asked == ["settle"]


def test_marked_row_is_never_given_back(ticket: Ticket, rows: Rows) -> None:
    ticket.mark()
    ticket.mark()
    ticket.give_back(OUTCOME)
    assert rows.asked == ["mark", "settle"]


@pytest.mark.parametrize("closing", ["settle", "give_back"])
def test_closing_that_the_database_refuses_is_finished_later(
    ticket: Ticket, rows: Rows, worker: LaterWorker, closing: str
) -> None:
    rows.is_down = True
    getattr(ticket, closing)(OUTCOME)
    assert ticket.is_closed
    rows.is_down = False
    [later] = worker.later
    later()
    assert rows.asked == [closing]


def test_output_must_not_leave_while_its_mark_is_refused(ticket: Ticket, rows: Rows) -> None:
    rows.is_down = True
    with pytest.raises(StorageTrouble):
        ticket.mark()
    assert not ticket.is_marked


def test_whole_answer_that_cannot_be_settled_is_given_back_later(
    ticket: Ticket, rows: Rows, worker: LaterWorker
) -> None:
    rows.is_down = True
    with pytest.raises(StorageTrouble):
        ticket.settle_before_output(OUTCOME)
    ticket.give_back(OUTCOME)
    rows.is_down = False
    [later] = worker.later
    later()
    assert rows.asked == ["give_back"]


def test_row_that_a_sweep_closed_meanwhile_gives_no_output(ticket: Ticket, rows: Rows) -> None:
    rows.is_ours = False
    with pytest.raises(StorageTrouble):
        ticket.mark()
    with pytest.raises(StorageTrouble):
        ticket.settle_before_output(OUTCOME)
