"""Owners and claims of the usage log: found by their indexes, whose rows are few, and claimed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from models import lease, reservation, usage_running, usage_search
from models.usage_filter import RUNNING, Wanted
from models.usage_log import UsageLog
from tests.models.ledger import DONE, Ledger

GONE = 4_711
OWNER_INDEX = "ix_usage_log_owner_id_account_id"


@contextmanager
def heard(engine: sa.Engine) -> Iterator[list[tuple[str, Any]]]:
    """What is sent to the database inside the block, with its values."""
    sent: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", hear)
    try:
        yield sent
    finally:
        sa.event.remove(engine, "before_cursor_execute", hear)


def look_under_way(ledger: Ledger) -> object:
    return usage_search.page_before(ledger.storage, Wanted(outcome=RUNNING), None, 10)


@pytest.mark.parametrize(
    "work",
    [
        lambda ledger: lease.leases(ledger.storage),
        lambda ledger: lease.sweep(ledger.storage, GONE),
        lambda ledger: usage_running.running(ledger.storage),
        look_under_way,
    ],
    ids=["leases", "sweep", "running", "listed"],
)
def test_rows_that_have_an_owner_are_found_by_it(
    ledger: Ledger, account: int, work: Callable[[Ledger], object]
) -> None:
    for _ in range(200):
        reservation.settle(ledger.storage, ledger.admit(account), DONE)
    ledger.admit(account, owner_id=GONE)
    with heard(ledger.engine) as sent:
        work(ledger)
    explain = "EXPLAIN QUERY PLAN " if ledger.storage.is_sqlite else "EXPLAIN "
    asked = [(text, values) for text, values in sent if "WHERE usage_log.owner_id" in text]
    assert asked
    for text, values in asked:

        def plan(connection: sa.Connection, text: str = text, values: Any = values) -> str:
            return str(connection.exec_driver_sql(explain + text, values).mappings().all())

        shown = ledger.storage.read(plan)
        assert OWNER_INDEX in shown, text
        assert "SCAN" not in shown


def test_claim_is_held_by_one_row_and_missing_from_any_number(ledger: Ledger, account: int) -> None:
    first, second = (ledger.admit(account) for _ in range(2))
    claim = f"turn of {account}:1"

    def claim_for(row_id: int) -> Callable[[sa.Connection], object]:
        return lambda connection: connection.execute(
            sa.update(UsageLog).where(UsageLog.id == row_id).values(claim=claim)
        )

    assert (ledger.row(first).claim, ledger.row(second).claim) == (None, None)
    ledger.storage.write(claim_for(first))
    with pytest.raises(sa.exc.IntegrityError):
        ledger.storage.write(claim_for(second))
    reservation.give_back_unmarked(ledger.storage, account, first, DONE)
    ledger.storage.write(claim_for(second))
    assert (ledger.row(first).claim, ledger.row(second).claim) == (None, claim)
