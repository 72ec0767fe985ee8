"""Rows of an account that are in no total yet, added up by the database, a portion of them at a time.

An import leaves millions of such rows, and who looks at their account before housekeeping has added them up waits for
all of them. The server of a database groups them beside the worker, which would take the time itself to read each.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from . import usage_log as log
from .storage import Storage
from .usage_log import UsageLog
from .usage_tally import STEPS_PER_DOUBLING, Tally
from .usage_totals import Key, key_of

# Rows that are added up at once. With SQLite that is 4 ms of the worker's own time; a server's is beside it.
PORTION, PORTION_OF_SERVER = 500, 2_000


def _count_if(condition: Any) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))


def _sum(column: Any) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(column), 0)


_KEY = (UsageLog.day_start, UsageLog.alias_served, UsageLog.upstream)
_ROWS = (
    UsageLog.account_id == sa.bindparam("account_id"),
    UsageLog.seq > sa.bindparam("after"),
    UsageLog.seq <= sa.bindparam("last"),
    UsageLog.day_start > sa.bindparam("before"),
)
_PLAIN: dict[str, sa.ColumnElement[int]] = {
    "requests": sa.func.count(),
    "prompts": _count_if(UsageLog.kind == log.PROMPT),
    "counted": _count_if(UsageLog.counted),
    "completed": _count_if(UsageLog.status == log.COMPLETED),
    "interrupted": _count_if(UsageLog.status == log.INTERRUPTED),
    "cancelled": _count_if(UsageLog.status == log.CANCELLED),
    "prompt_tokens": _sum(UsageLog.prompt_tokens),
    "completion_tokens": _sum(UsageLog.completion_tokens),
    "cached_tokens": _sum(UsageLog.cached_tokens),
    "reasoning_tokens": _sum(UsageLog.reasoning_tokens),
    "duration_ms": _sum(UsageLog.duration_ms),
    "timed": sa.func.count(UsageLog.duration_ms),
}
_SUMMED = (
    sa.select(
        *_KEY,
        _count_if(UsageLog.status.in_((log.OPEN, log.STARTED))).label("under_way"),
        sa.func.sum(UsageLog.cost).label("cost"),
        *(figure.label(name) for name, figure in _PLAIN.items()),
    )
    .where(*_ROWS)
    .group_by(*_KEY)
)
# ``usage_tally.step_of`` in the database's words.
_STEP = sa.case(
    (UsageLog.first_output_ms <= 1, 0),
    (UsageLog.first_output_ms > 1, sa.func.round(STEPS_PER_DOUBLING * sa.func.log2(UsageLog.first_output_ms))),
)
_COUNTED = (
    sa.select(*_KEY, UsageLog.error_code, _STEP.label("waited"), sa.func.count().label("number"))
    .where(*_ROWS, sa.or_(UsageLog.error_code.is_not(None), UsageLog.first_output_ms.is_not(None)))
    .group_by(*_KEY, UsageLog.error_code, sa.text("waited"))
)


def waiting(storage: Storage, account_id: int, after: int, since: datetime) -> Iterator[dict[Key, Tally]]:
    """Yield what rows numbered above ``after`` add up to, of days that began at ``since`` or later, by portions.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """

    at_most = PORTION if storage.is_sqlite else PORTION_OF_SERVER

    def look(connection: sa.Connection) -> tuple[int, int, dict[Key, Tally]]:
        rows, last = next_portion(connection, account_id, after, at_most)
        return rows, last, added_up(connection, account_id, after, last, since) if rows else {}

    while True:
        rows, after, tallies = storage.read(look)
        yield tallies
        if rows < at_most:  # what comes meanwhile is not waited for
            return
        time.sleep(0)  # other greenlets come first


def next_portion(connection: sa.Connection, account_id: int, after: int, at_most: int) -> tuple[int, int]:
    """Return how many rows come next behind the number ``after``, at most so many, and up to which number they go."""
    numbers = sa.select(UsageLog.seq).where(UsageLog.account_id == account_id, UsageLog.seq > after)
    some = numbers.order_by(UsageLog.seq).limit(at_most).subquery()
    rows, last = connection.execute(sa.select(sa.func.count(), sa.func.max(some.c.seq))).one()
    return rows, after if last is None else last


def added_up(connection: sa.Connection, account_id: int, after: int, last: int, since: datetime) -> dict[Key, Tally]:
    """Add up the rows numbered above ``after`` and up to ``last``, of days that began at ``since`` or later."""
    # Days begin with a second. SQLite compares texts, and the same second without a fraction is less.
    of_these = {"account_id": account_id, "after": after, "last": last, "before": since - timedelta(seconds=1)}
    found: dict[Key, Tally] = {}
    for row in connection.execute(_SUMMED, of_these):
        found.setdefault(key_of(*row[:3]), Tally()).merge(_tally(row))
    for *key, error_code, waited, number in connection.execute(_COUNTED, of_these):
        tally = found.setdefault(key_of(*key), Tally())  # closed since, it may have another upstream
        if error_code is not None:
            tally.error_codes[error_code] = tally.error_codes.get(error_code, 0) + number
        if waited is not None:
            step = int(waited)
            tally.first_output[step] = tally.first_output.get(step, 0) + number
    return found


def _tally(row: Any) -> Tally:
    tally = Tally(cost=row.cost)
    for name in _PLAIN:
        setattr(tally, name, int(getattr(row, name)))  # MySQL gives sums as decimals
    tally.continuations = tally.requests - tally.prompts
    # Another program may call the end of a request what it likes.
    tally.failed = tally.requests - int(row.under_way) - tally.completed - tally.interrupted - tally.cancelled
    return tally
