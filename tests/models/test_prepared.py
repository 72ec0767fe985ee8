"""Statements compiled once say the same as SQLAlchemy's own way of running them."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from models.prepared import Prepared
from models.usage_log import UsageLog
from tests.models.ledger import NOON, Ledger

WANTED = sa.select(UsageLog.started_at, UsageLog.counted, UsageLog.cost, UsageLog.client_name).where(
    UsageLog.id == sa.bindparam("row_id"), UsageLog.counted == sa.true(), UsageLog.status == "open"
)


def test_prepared_select_gives_the_same_python_values(ledger: Ledger, account: int) -> None:
    row_id = ledger.admit(account)
    first = ledger.storage.read(lambda connection: Prepared(WANTED).first(connection, {"row_id": row_id}))
    usual = ledger.storage.read(lambda connection: connection.execute(WANTED, {"row_id": row_id}).one())
    assert first == tuple(usual) == (NOON, True, None, "curl/8")


def test_prepared_select_of_nothing_is_none(ledger: Ledger) -> None:
    assert ledger.storage.read(lambda connection: Prepared(WANTED).first(connection, {"row_id": 1})) is None


def test_prepared_statement_without_a_value_is_refused(ledger: Ledger) -> None:
    with pytest.raises(KeyError, match="row_id"):
        ledger.storage.read(lambda connection: Prepared(WANTED).first(connection, {}))
