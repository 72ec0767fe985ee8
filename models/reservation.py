"""The life of a usage-log row: reserved, marked, closed or given back.

``reserve`` and ``give_back`` change an account's running numbers and therefore hold its lock: on MySQL the
row of the account, on SQLite the one write lock of the file. ``mark`` and ``settle`` change one row only;
each names the status that it expects (compare and set), so of two that close a row one does nothing.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from . import usage_log as log
from .account import Account
from .base import UtcDateTime
from .calendar_windows import Calendar
from .continuation import Step, is_free
from .prepared import Prepared, firsts
from .quota import NEWEST, Limits, NewestRow, Standing, standing
from .storage import Storage, StorageUnavailable
from .usage_log import UsageLog

LARGEST_NUMBER = 2**31 - 1


class Request(Struct, frozen=True):
    """What is known of a request when it asks for admission."""

    account_id: int
    token_id: int
    request_id: str
    endpoint: str
    alias_asked: str | None
    alias_served: str
    client_name: str | None
    turn: str = ""  # a new one, for a request that turns out to be a prompt
    continues: Step | None = None  # the answer whose tool results it brings back


class Outcome(Struct, frozen=True):
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
    routing: str | None = None
    """JSON: which routes were looked at and tried. docs/routing.md, "Receipts"."""


class Reserved(Struct, frozen=True):
    """An open row and the account's standing with it counted."""

    row_id: int
    standing: Standing
    step: Step


class QuotaUsedUp(Struct, frozen=True):
    """No row was opened: the standing that leaves no room."""

    standing: Standing


class TooManyOpen(Struct, frozen=True):
    """No row was opened: as many requests of the account are under way as its plan allows at once."""

    allowed: int


_OPENING = [
    "account_id",
    "seq",
    "token_id",
    "request_id",
    "turn",
    "step",
    "claim",
    "kind",
    "counted",
    "reason",
    "status",
    "owner_id",
    "started_at",
    "day_start",
    "month_start",
    "day_prompts",
    "month_prompts",
    "endpoint",
    "alias_asked",
    "alias_served",
    "client_name",
    "attempts",
    "tokens_estimated",
]
_CLOSING = Outcome.__struct_fields__
_NEW_VALUES: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in _CLOSING}
_IS_ROW = UsageLog.id == sa.bindparam("row_id")
_IS_UNMARKED = UsageLog.status == log.OPEN
_IS_UNCLOSED = sa.or_(_IS_UNMARKED, UsageLog.status == log.STARTED)

_LOCK = Prepared(sa.select(Account.id).where(Account.id == sa.bindparam("account_id")).with_for_update())
_INSERT = Prepared(sa.insert(UsageLog), columns=_OPENING)
# A row that is marked already may be marked again: the first time may have been committed unnoticed.
_MARK = Prepared(sa.update(UsageLog).where(_IS_ROW, _IS_UNCLOSED).values(status=log.STARTED))
_SETTLE = Prepared(
    sa.update(UsageLog)
    .where(_IS_ROW, _IS_UNCLOSED)
    .values(
        _NEW_VALUES
        | {
            "owner_id": None,
            "reason": sa.case((UsageLog.kind == log.PROMPT, log.COUNTED_OUTPUT), else_=log.CONTINUED),
            # What was cut may be asked for once more.
            "claim": sa.case((sa.bindparam("new_status") == log.COMPLETED, UsageLog.claim)),
        }
    )
)
_UNCOUNTED = _NEW_VALUES | {"owner_id": None, "counted": False, "reason": log.GIVEN_BACK, "claim": None}
_GIVE_BACK = Prepared(sa.update(UsageLog).where(_IS_ROW, _IS_UNCLOSED).values(_UNCOUNTED))
_GIVE_BACK_UNMARKED = Prepared(sa.update(UsageLog).where(_IS_ROW, _IS_UNMARKED).values(_UNCOUNTED))
_COUNTED_SINCE = Prepared(sa.select(UsageLog.counted, UsageLog.started_at).where(_IS_ROW))
_CLOSED_AS = Prepared(sa.select(UsageLog.status, UsageLog.error_code).where(_IS_ROW))
# Open rows have an owner, and are few: the index over owners and accounts has all that is asked. "+ 0" keeps both
# databases from the indexes over accounts, which they would take, and read every row that the account ever had.
_UNDER_WAY = (
    sa.select(sa.func.count())
    .where(UsageLog.owner_id > 0, UsageLog.account_id + 0 == sa.bindparam("account_id"))
    .scalar_subquery()
)
LOOK = Prepared(sa.select(_UNDER_WAY))
LOOK_WITH_CLOCK = Prepared(
    sa.select(_UNDER_WAY, sa.type_coerce(sa.func.utc_timestamp(sa.literal_column("6")), UtcDateTime))
)
_BY_REQUEST_ID = Prepared(sa.select(UsageLog.id).where(UsageLog.request_id == sa.bindparam("request_id")))
_LOWER = Prepared(
    sa.update(UsageLog)
    .where(_IS_ROW)
    .values(day_prompts=sa.bindparam("new_day_prompts"), month_prompts=sa.bindparam("new_month_prompts"))
)


def reserve(
    storage: Storage,
    request: Request,
    limits: Limits,
    calendar: Calendar,
    owner_id: int,
    *,
    continuations: int = 0,
) -> Reserved | QuotaUsedUp | TooManyOpen:
    """Decide whether one more prompt fits the quota; if so, write its row in the same transaction.

    A request that continues a turn needs no quota, at most ``continuations`` times in one turn; one that
    only seems to is a prompt like any other.

    Raises:
        StorageUnavailable: the decision could not be made in time; nothing stays reserved.
    """
    may_be_written = False
    step = Step(request.turn, 0)

    def decide(connection: sa.Connection) -> Reserved | QuotaUsedUp | TooManyOpen:
        nonlocal may_be_written, step
        newest, now, under_way = _locked(storage, connection, request.account_id)
        before = standing(connection, request.account_id, limits, calendar, now, newest)
        if may_be_written:
            row_id = _row_of(connection, request.request_id)
            if row_id is not None:
                return Reserved(row_id, before, step)
        if limits.open_requests is not None and under_way >= limits.open_requests:
            return TooManyOpen(limits.open_requests)
        continued = request.continues
        if continued is not None and not is_free(
            connection, request.account_id, continued, before.moment, continuations
        ):
            continued = None
        if before.is_remembered and (continued is not None or not before.is_used_up):
            before = standing(connection, request.account_id, limits, calendar, now, newest, anew=True)
        if continued is not None:
            kind, claim, step, after = log.CONTINUATION, continued.next.claim, continued.next, before
        elif before.is_used_up:
            return QuotaUsedUp(before)
        else:
            kind, claim, step = log.PROMPT, None, Step(request.turn, 0)
            after = Standing(before.moment, before.windows, before.day_used + 1, before.month_used + 1, before.limits)
        may_be_written = True
        inserted = _INSERT.run(
            connection,
            {
                "account_id": request.account_id,
                "seq": 1 if newest is None else newest.seq + 1,
                "token_id": request.token_id,
                "request_id": request.request_id,
                "turn": step.turn or None,
                "step": step.number,
                "claim": claim,
                "kind": kind,
                "counted": kind == log.PROMPT,
                "reason": log.COUNTED_RESERVED if kind == log.PROMPT else log.CONTINUED,
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
            is_last=True,
        )
        return Reserved(inserted.lastrowid, after, step)

    try:
        return storage.write(decide, turn=request.account_id)
    except StorageUnavailable:
        if may_be_written:
            lost = Outcome(status=log.FAILED, error_code="storage_unavailable")
            storage.unfinished.add(lambda: _give_back_request(storage, request.account_id, request.request_id, lost))
        raise


def mark(storage: Storage, row_id: int, *, account_id: int | None = None) -> bool:
    """Record that the first output is about to leave; false when the row was closed by a sweep."""
    values = {"row_id": row_id}
    return storage.write(
        lambda connection: _MARK.run(connection, values).rowcount == 1, account=account_id, is_lone=True
    )


def settle(storage: Storage, row_id: int, outcome: Outcome, *, account_id: int | None = None) -> bool:
    """Close a row whose request had output: it counts. False when it was closed before.

    Raises:
        StorageUnavailable: it could not be closed in time.
    """
    values = _values(row_id, outcome)
    is_repetition = False

    def close(connection: sa.Connection) -> bool:
        nonlocal is_repetition
        was_tried, is_repetition = is_repetition, True
        if _SETTLE.run(connection, values).rowcount == 1:
            return True
        # It may have been closed by the first try, whose answer was lost.
        return was_tried and _CLOSED_AS.first(connection, values) == (outcome.status, outcome.error_code)

    return storage.write(close, account=account_id, is_lone=True)


def give_back(storage: Storage, account_id: int, row_id: int, outcome: Outcome) -> bool:
    """Close a row whose owner knows that no output has left: it no longer counts. False when it was closed before.

    Raises:
        StorageUnavailable: it could not be closed in time.
    """
    return storage.write(
        lambda connection: _release(storage, connection, account_id, row_id, outcome, _GIVE_BACK),
        turn=account_id,
    )


def give_back_unmarked(storage: Storage, account_id: int, row_id: int, outcome: Outcome) -> bool:
    """``give_back`` by somebody who knows no more of the request than its row: a marked row stays as it is."""
    return storage.write(
        lambda connection: _release(storage, connection, account_id, row_id, outcome, _GIVE_BACK_UNMARKED),
        turn=account_id,
    )


def _give_back_request(storage: Storage, account_id: int, request_id: str, outcome: Outcome) -> None:
    """Give back the row of a request, if it was written at all."""

    def release(connection: sa.Connection) -> None:
        # Under the lock: an insert that the server still works on is finished or gone afterwards.
        _lock_account(storage, connection, account_id)
        row_id = _row_of(connection, request_id)
        if row_id is not None:
            _release(storage, connection, account_id, row_id, outcome, _GIVE_BACK)

    storage.write(release, turn=account_id)


def _release(
    storage: Storage,
    connection: sa.Connection,
    account_id: int,
    row_id: int,
    outcome: Outcome,
    closing: Prepared,
) -> bool:
    values = {"account_id": account_id, "row_id": row_id}
    lock = [] if storage.is_sqlite else [_LOCK]
    row, newest = firsts(connection, [*lock, _COUNTED_SINCE, NEWEST], values)[-2:]
    if row is None or newest is None or closing.run(connection, _values(row_id, outcome)).rowcount == 0:
        return False
    was_counted, started_at = row
    if was_counted:
        _lower(connection, NewestRow(*newest), started_at)
    return True


def _lower(connection: sa.Connection, newest: NewestRow, started_at: datetime) -> None:
    """Take a prompt out of the running numbers. No row is newer than the newest, so it lies in a window exactly if it
    began after its start.
    """
    lowered = {
        "row_id": newest.id,
        "new_day_prompts": newest.day_prompts - (started_at >= newest.day_start),
        "new_month_prompts": newest.month_prompts - (started_at >= newest.month_start),
    }
    _LOWER.run(connection, lowered, is_last=True)


def _row_of(connection: sa.Connection, request_id: str) -> int | None:
    row = _BY_REQUEST_ID.first(connection, {"request_id": request_id})
    return None if row is None else row[0]


def _locked(storage: Storage, connection: sa.Connection, account_id: int) -> tuple[NewestRow | None, datetime, int]:
    """Lock an account; return its newest row, the time, and how many of its requests are under way.

    On MySQL the lock must come before any other read, or the transaction would look at a time before it had its turn:
    all go in one message, and are executed one after the other.
    """
    values = {"account_id": account_id}
    asked = [LOOK, NEWEST] if storage.is_sqlite else [_LOCK, LOOK_WITH_CLOCK, NEWEST]
    *_, seen, newest = firsts(connection, asked, values)
    assert seen is not None  # noqa: S101  (a count)
    under_way, *told = seen
    return None if newest is None else NewestRow(*newest), storage.now(connection, *told), under_way


def _lock_account(storage: Storage, connection: sa.Connection, account_id: int) -> None:
    if not storage.is_sqlite:  # which took its only write lock at BEGIN IMMEDIATE
        _LOCK.run(connection, {"account_id": account_id})


def _values(row_id: int, outcome: Outcome) -> dict[str, Any]:
    values: dict[str, Any] = {"row_id": row_id}
    for name in _CLOSING:
        value = getattr(outcome, name)
        # MySQL refuses a number that its column cannot hold, and upstreams invent token counts.
        values[f"new_{name}"] = _fitting(value) if isinstance(value, int | float) else value
    return values


def _fitting(number: float) -> float | None:
    if isinstance(number, float) and not math.isfinite(number):
        return None
    return min(number, LARGEST_NUMBER)
