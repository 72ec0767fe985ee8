"""A past for a member: requests of the last weeks, written into the database as if they had been made."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from models.account import Account
from models.base import utcnow
from models.calendar_windows import Calendar
from models.engine import engine_options, prepare_engine
from models.service_token import ServiceToken
from models.storage import Storage

from tests.harness.gateway import Gateway
from tests.usage import history
from tests_browser.people import Member


def give_a_past(gateway: Gateway, member: Member, *, days: int, requests: int) -> None:
    """Write ``requests`` of all kinds over the last ``days`` but today; the member must have none yet."""
    url = gateway.database_url
    engine = sa.create_engine(url, **engine_options(url))
    prepare_engine(engine)
    try:
        storage = Storage(engine)
        account_id = _one(storage, sa.select(Account.id).where(Account.email == member.email))
        token_id = _one(storage, sa.select(ServiceToken.id).where(ServiceToken.account_id == account_id))
        calendar = Calendar(ZoneInfo("UTC"))
        midnight = calendar.at(utcnow()).day.start
        times = history.moments(midnight - timedelta(days=days), midnight, requests, seed=days)
        made = history.rows(account_id, calendar, times)
        history.write(storage, ({**row, "token_id": token_id} for row in made))
    finally:
        engine.dispose()


def _one(storage: Storage, statement: sa.Select[Any]) -> Any:
    return storage.read(lambda connection: connection.execute(statement).scalar_one())
