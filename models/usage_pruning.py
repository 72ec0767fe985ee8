"""Deleting old rows of the usage log, a few at a time, and old totals. The totals of deleted rows stay.

A row may go when all that is computed from it is kept elsewhere: it is in the totals; it is not its account's
newest, which carries the running numbers; and no answer of its turn can be continued any more. The caller keeps
its hands off the running month (``service.database.retention``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from . import time_order
from .continuation import VALID_FOR
from .storage import Storage
from .usage_log import UsageLog
from .usage_sums import DAY, UsageSpan, UsageSum
from .usage_totals import TotalledUpTo, UsageTotal

PORTION = 25
"""Rows that one transaction deletes: of a large SQLite file each costs about a millisecond under the write lock."""
READ_AT_ONCE = 500
ACCOUNTS_AT_ONCE = 200


def prune_log(storage: Storage, before: datetime) -> Iterator[int]:
    """Delete rows that began before an instant; yield after each portion how many. The caller rests in between.

    Raises:
        StorageUnavailable: the rest waits for the next time.
    """
    for account_id in _accounts(storage):
        last = _last_that_may_go(storage, account_id)
        place: time_order.Place | None = None
        while rows := _old(storage, account_id, place, before):
            may_go = iter([row for row in rows if row.seq <= last])
            yield 0
            while portion := list(itertools.islice(may_go, PORTION)):
                yield _delete(storage, portion)
            place = (rows[-1].held, rows[-1].id)


def prunable(storage: Storage, before: datetime) -> int:
    """Count the rows that ``prune_log`` would delete, at most: some may belong to turns that still go on."""

    def count(account_id: int) -> int:
        may_go = sa.select(sa.func.count()).where(
            UsageLog.account_id == account_id,
            UsageLog.started_at < before,
            UsageLog.seq <= _last_that_may_go(storage, account_id),
        )
        return storage.read(lambda connection: connection.execute(may_go).scalar_one())

    return sum(count(account_id) for account_id in _accounts(storage))


def prune_totals(storage: Storage, before: datetime) -> Iterator[int]:
    """Delete totals and sums of days that began before an instant, one day after the other, and of months.

    A month of which a day stays is kept whole, or its sum would be that of a part of it.
    """
    later = sa.select(sa.func.min(UsageSpan.month_start)).where(UsageSpan.length == DAY, UsageSpan.start >= before)
    month = _first(storage, later)
    before = before if month is None else min(before, month)
    for table, start in ((UsageTotal, UsageTotal.day_start), (UsageSum, UsageSum.start), (UsageSpan, UsageSpan.start)):
        oldest = sa.select(start).where(start < before).order_by(start).limit(1)
        while (day := _first(storage, oldest)) is not None:
            yield _changed(storage, sa.delete(table).where(start == day))


def _first(storage: Storage, wanted: Any) -> Any:
    return storage.read(lambda connection: connection.scalar(wanted))


def _changed(storage: Storage, statement: Any) -> int:
    return storage.write(lambda connection: int(connection.execute(statement).rowcount))


def _accounts(storage: Storage) -> Iterator[int]:
    """Yield the accounts that have rows in the totals."""
    some = sa.select(TotalledUpTo.account_id).where(TotalledUpTo.account_id > sa.bindparam("after"))
    some = some.order_by(TotalledUpTo.account_id).limit(ACCOUNTS_AT_ONCE)
    found = _page(storage, some, 0)
    while found:
        yield from found
        found = _page(storage, some, found[-1])


def _page(storage: Storage, some: Any, after: int) -> list[int]:
    return storage.read(lambda connection: list(connection.scalars(some, {"after": after})))


def _last_that_may_go(storage: Storage, account_id: int) -> int:
    """Return the number up to which an account's rows may go: they are in the totals, and none is the newest."""
    totalled = sa.select(TotalledUpTo.seq).where(TotalledUpTo.account_id == account_id).scalar_subquery()
    newest = sa.select(sa.func.max(UsageLog.seq)).where(UsageLog.account_id == account_id).scalar_subquery()
    known = storage.read(lambda connection: connection.execute(sa.select(totalled, newest)).one())
    return min(known[0] or 0, (known[1] or 0) - 1)


def _old(storage: Storage, account_id: int, place: time_order.Place | None, before: datetime) -> list[Any]:
    """Return an account's next rows that began before an instant, in order of time."""
    rows = sa.select(UsageLog.id, UsageLog.seq, UsageLog.turn, UsageLog.started_at, time_order.HELD)
    rows = rows.where(UsageLog.account_id == account_id, UsageLog.started_at < before)
    if place is not None:
        rows = rows.where(time_order.after(place))
    rows = rows.order_by(*time_order.ORDER).limit(READ_AT_ONCE)
    return storage.read(lambda connection: list(connection.execute(rows)))


def _delete(storage: Storage, rows: list[Any]) -> int:
    turns = {row.turn for row in rows if row.turn is not None}

    def delete(connection: sa.Connection) -> int:
        going_on: set[str | None] = set()
        if turns:
            since = storage.now(connection) - VALID_FOR
            recent = sa.select(UsageLog.turn).where(UsageLog.turn.in_(turns), UsageLog.started_at >= since)
            going_on = set(connection.scalars(recent.distinct()))
        ids = [row.id for row in rows if row.turn is None or row.turn not in going_on]
        if not ids:
            return 0
        return int(connection.execute(sa.delete(UsageLog).where(UsageLog.id.in_(ids))).rowcount)

    return storage.write(delete)
