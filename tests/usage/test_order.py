"""Accounts whose rows another program has numbered in another order than that of time are known by it."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from models.calendar_windows import Calendar
from models.usage_totals import TotalledUpTo
from tests.models.ledger import Ledger
from tests.usage import history
from tests.usage.history import add_up

MIGRATION = importlib.import_module("migrations.versions.0017_order_of_usage")
CALENDAR = Calendar(ZoneInfo("UTC"))
START = datetime(2023, 5, 1, tzinfo=UTC)


def test_accounts_in_no_order_of_time_are_named_as_they_are_added_up_and_by_the_upgrade(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = [START + timedelta(hours=number) for number in range(20)]
    orders = {
        "in order": hours,
        "older after newer": hours[10:] + hours[:10],
        "the last one": [*hours[1:], hours[0]],
        "in order, some of one instant": sorted([*hours[:10], *hours[:10]]),
    }
    accounts = dict(zip(orders, ledger.add_accounts(len(orders)), strict=True))
    for name, times in orders.items():
        history.write(ledger.storage, history.rows(accounts[name], CALENDAR, times, seed=1))
    add_up(ledger)
    assert named(ledger, accounts) == {"older after newer", "the last one"}

    monkeypatch.setattr(MIGRATION, "COMPARED_AT_ONCE", 3)

    def upgrade(connection: sa.Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE usage_totalled DROP COLUMN in_order")
        with Operations.context(MigrationContext.configure(connection)):
            MIGRATION.upgrade()

    ledger.storage.write(upgrade)
    assert named(ledger, accounts) == {"older after newer", "the last one"}


def named(ledger: Ledger, accounts: dict[str, int]) -> set[str]:
    disordered = sa.select(TotalledUpTo.account_id).where(~TotalledUpTo.in_order)
    ids = set(ledger.storage.read(lambda connection: list(connection.scalars(disordered))))
    return {name for name, account_id in accounts.items() if account_id in ids}
