"""The last request of an account: when, by which client, at which endpoint."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from .account import Account
from .usage_log import UsageLog


class LastUse(Struct, frozen=True):
    """What the newest row of the usage log tells of its request."""

    started_at: datetime
    client_name: str | None
    """The beginning of its User-Agent; None where it sent none."""
    endpoint: str


# The unique key of (account_id, seq) leads to it in one step at any size of the table.
_NEWEST = (
    sa.select(UsageLog.started_at, UsageLog.client_name, UsageLog.endpoint)
    .join(Account, Account.id == UsageLog.account_id)
    .where(UsageLog.account_id == sa.bindparam("account_id"), UsageLog.seq > Account.history_after)
    .order_by(UsageLog.seq.desc())
    .limit(1)
)


def last_use(connection: sa.Connection, account_id: int) -> LastUse | None:
    """Return the account's last admitted request; None before its first."""
    row = connection.execute(_NEWEST, {"account_id": account_id}).first()
    return None if row is None else LastUse(*row)
