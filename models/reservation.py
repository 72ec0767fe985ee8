"""The life of a usage-log row: reserved, marked, closed or given back.

``reserve`` and ``give_back`` change an account's running numbers and therefore hold its lock: on MySQL the
row of the account, on SQLite the one write lock of the file. ``mark`` and ``settle`` change one row only;
each names the status that it expects (compare and set), so of two that close a row one does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from . import usage_log as log
from .account import Account
from .calendar_windows import Calendar
from .quota import Limits, Standing, newest_row, standing
from .storage import Storage, StorageUnavailable
from .usage_log import UsageLog


@dataclass(frozen=True, slots=True)
class Request:
    """What is known of a request when it asks for admission."""

    account_id: int
    token_id: int
    request_id: str
    endpoint: str
    alias_asked: str | None
    alias_served: str
    client_name: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an admitted request; written when its row is closed."""

    status: str
    error_code: str | None = None
    upstream: str | None = None
    upstream_model: str | None = None
    attempts: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    tokens_estimated: bool = False
    first_output_ms: int | None = None
    duration_ms: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Reserved:
    """An open row and the account's standing with it counted."""

    row_id: int
    standing: Standing


@dataclass(frozen=True, slots=True)
class QuotaUsedUp:
    """No row was opened: the standing that leaves no room."""

    standing: Standing


_LOCK = sa.select(Account.id).where(Account.id == sa.bindparam("account_id")).with_for_update()
_BY_REQUEST_ID = sa.select(UsageLog.id).where(UsageLog.request_id == sa.bindparam("request_id"))
_INSERT = sa.insert(UsageLog)
_MARK = (
    sa.update(UsageLog)
    .where(UsageLog.id == sa.bindparam("row_id"), UsageLog.status == log.OPEN)
    .values(status=log.STARTED)
)
_SETTLE_COLUMNS = [
    "status",
    "error_code",
    "upstream",
    "upstream_model",
    "attempts",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "tokens_estimated",
    "first_output_ms",
    "duration_ms",
    "cost",
]
_SETTLE = (
    sa.update(UsageLog)
    .where(UsageLog.id == sa.bindparam("row_id"), UsageLog.status.in_([log.OPEN, log.STARTED]))
    .values(
        {name: sa.bindparam(f"new_{name}") for name in _SETTLE_COLUMNS}
        | {"owner_id": None, "reason": log.COUNTED_OUTPUT}
    )
)
_GIVE_BACK = (
    sa.update(UsageLog)
    .where(UsageLog.id == sa.bindparam("row_id"), UsageLog.status == log.OPEN)
    .values(
        {name: sa.bindparam(f"new_{name}") for name in _SETTLE_COLUMNS}
        | {"owner_id": None, "counted": False, "reason": log.GIVEN_BACK}
    )
)


def reserve(
    storage: Storage, request: Request, limits: Limits, calendar: Calendar, owner_id: int
) -> Reserved | QuotaUsedUp:
    """Decide whether one more prompt fits the quota; if so, write its row in the same transaction.

    Raises:
        StorageUnavailable: the decision could not be made in time; nothing is reserved.
    """

    def decide(connection: sa.Connection) -> Reserved | QuotaUsedUp:
        _lock_account(storage, connection, request.account_id)
        newest = newest_row(connection, request.account_id)
        now = storage.now(connection)
        before = standing(connection, request.account_id, limits, calendar, now, newest)
        if before.is_used_up:
            return QuotaUsedUp(before)
        after = Standing(before.moment, before.windows, before.day_used + 1, before.month_used + 1, limits)
        inserted = connection.execute(
            _INSERT,
            {
                "account_id": request.account_id,
                "seq": 1 if newest is None else newest.seq + 1,
                "token_id": request.token_id,
                "request_id": request.request_id,
                "kind": log.PROMPT,
                "counted": True,
                "reason": log.COUNTED_RESERVED,
                "status": log.OPEN,
                "owner_id": owner_id,
                "started_at": after.moment,
                "day_start": after.windows.day.start,
                "month_start": after.windows.month.start,
                "day_prompts": after.day_used,
                "month_prompts": after.month_used,
                "endpoint": request.endpoint,
                "alias_asked": request.alias_asked,
                "alias_served": request.alias_served,
                "client_name": request.client_name,
                "attempts": 0,
                "tokens_estimated": False,
            },
        )
        return Reserved(inserted.inserted_primary_key[0], after)

    try:
        return storage.write(decide)
    except exc.IntegrityError as error:
        # The connection broke while the row was being committed, and the repetition met the row: it is there.
        row_id = row_of_request(storage, request.request_id)
        if row_id is None:
            raise
        give_back(storage, request.account_id, row_id, Outcome(status=log.FAILED, error_code="storage_unavailable"))
        raise StorageUnavailable("the connection broke during the commit") from error


def mark(storage: Storage, row_id: int) -> bool:
    """Record that the first output is about to leave; false when the row is no longer ours to use."""
    return storage.write(lambda connection: connection.execute(_MARK, {"row_id": row_id}).rowcount == 1)


def settle(storage: Storage, row_id: int, outcome: Outcome) -> bool:
    """Close a row whose request had output: it counts. False when it was closed before."""
    values = _values(row_id, outcome)
    return storage.write(lambda connection: connection.execute(_SETTLE, values).rowcount == 1)


def give_back(storage: Storage, account_id: int, row_id: int, outcome: Outcome) -> bool:
    """Close a row whose request had no output: it no longer counts. False when it was marked or closed before."""

    def release(connection: sa.Connection) -> bool:
        _lock_account(storage, connection, account_id)
        if connection.execute(_GIVE_BACK, _values(row_id, outcome)).rowcount == 0:
            return False
        started_at = connection.execute(
            sa.select(UsageLog.started_at).where(UsageLog.id == row_id)
        ).scalar_one()
        newest = newest_row(connection, account_id)
        assert newest is not None  # noqa: S101  (the row itself is there)
        # No row is newer than the newest, so this one lies in a window exactly if it began after its start.
        connection.execute(
            sa.update(UsageLog)
            .where(UsageLog.id == newest.id)
            .values(
                day_prompts=newest.day_prompts - (started_at >= newest.day_start),
                month_prompts=newest.month_prompts - (started_at >= newest.month_start),
            )
        )
        return True

    return storage.write(release)


def row_of_request(storage: Storage, request_id: str) -> int | None:
    """Return the row that was written for a request id, if any."""
    return storage.read(
        lambda connection: connection.execute(_BY_REQUEST_ID, {"request_id": request_id}).scalar_one_or_none()
    )


def _lock_account(storage: Storage, connection: sa.Connection, account_id: int) -> None:
    # SQLite took the only write lock at BEGIN IMMEDIATE. On MySQL the lock must come before any other
    # read, or the transaction would look at a time before it had its turn.
    if not storage.is_sqlite:
        connection.execute(_LOCK, {"account_id": account_id})


def _values(row_id: int, outcome: Outcome) -> dict[str, Any]:
    return {"row_id": row_id} | {f"new_{name}": getattr(outcome, name) for name in _SETTLE_COLUMNS}
