"""The usage log's index over turns, whose order on both databases is that of time."""

from __future__ import annotations

import random

import sqlalchemy as sa
from msgspec.structs import replace

from blueprints.api_v1.continuations import turn_begun_at
from models import reservation
from models.usage_log import UsageLog
from tests.models.ledger import PLENTY, Ledger

NOW = 1_790_000_000_000


def test_database_sorts_turns_in_the_order_of_time(ledger: Ledger, account: int) -> None:
    # Steps at which digits, capitals and small letters follow upon each other.
    turns = [turn_begun_at(NOW + step) for step in range(0, 62 * 62, 7)]
    for turn in random.Random(5).sample(turns, len(turns)):
        request = replace(ledger.request(account), turn=turn)
        reservation.reserve(ledger.storage, request, PLENTY, ledger.calendar, 1)
    wanted = sa.select(UsageLog.turn).where(UsageLog.account_id == account).order_by(UsageLog.turn)
    assert ledger.storage.read(lambda connection: list(connection.scalars(wanted))) == turns
