"""Where in the usage log requests of a kind can be at all: stretches of it, found without looking at its rows.

Rows are numbered: by ``id`` over all accounts, by ``seq`` within one. Closed rows are added up into totals after a
while, and the totals of a day tell whether it can have what is wanted. So a search for what was rare, or never was,
looks at the days that have it and at the rows that are not added up yet, however large the log is.

Of an account whose rows are numbered in order of time (``TotalledUpTo.in_order``) a span of days is one stretch, and
its ends are found in the index over times. Where another program has put rows in, those of the days are looked up
there one by one, so many at most, and then all rows may be meant.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from . import time_order
from .account import Account
from .storage import Storage
from .usage_filter import Wanted, total_conditions
from .usage_log import UsageLog
from .usage_sums import DAY, EVERYBODY, UsageSpan, UsageSum
from .usage_totals import TotalledUpTo, UsageTotal

EVERYTHING = Wanted()
LONGEST_DAY = timedelta(hours=26)  # 25 where clocks change; an hour more does no harm
LOOKED_UP_AT_ONCE = 2_000  # rows that are in no order
MOST_LOOKED_UP = 10_000
LOOKED_AFTER_AT_ONCE = 50  # accounts with a gap
APART = 200  # numbers between two stretches: to look at fewer rows takes less than to ask once more


class Range(Struct, frozen=True):
    """A stretch of rows by their numbers, ``low <= number < high``."""

    low: int
    high: int

    def below(self, number: int) -> Range:
        """Return the part that lies below a number; empty where none does."""
        return Range(self.low, min(self.high, number))

    def above(self, number: int) -> Range:
        """Return the part from a number on; empty where there is none."""
        return Range(max(self.low, number), self.high)


class Ranges:
    """The stretches for one search, in either direction. Those of an account are found as they are asked for."""

    def __init__(self, storage: Storage, wanted: Wanted) -> None:
        """Look at the totals.

        Raises:
            StorageUnavailable: the database did not answer in time; later too.
        """
        self._storage = storage
        self._wanted = wanted
        self._is_narrowed = wanted.picks or wanted.since is not None or wanted.until is not None
        self.numbering: sa.ColumnElement[int] = _numbering(wanted)
        self.first, self.end = storage.read(lambda connection: _bounds(connection, wanted))
        """The number of the oldest row, and the one after the newest."""
        self._known: list[Range] = []
        self._spans: list[tuple[datetime, datetime]] = []
        if not self._is_narrowed:
            self._known = [Range(self.first, self.end)]
        elif wanted.account_id is None:
            self._known = storage.read(lambda connection: _of_house(connection, wanted, self.first, self.end))
        else:
            fresh = storage.read(lambda connection: first_fresh(connection, wanted))
            self._known = [Range(self.end if fresh is None else fresh, self.end)]
            self._spans = storage.read(lambda connection: _spans(connection, wanted))
            # After the number: rows that are added up in between are in no stretch but its own.
            if self._spans and not storage.read(lambda connection: _is_in_order(connection, wanted)):
                self._known, self._spans = _joined([*self._known, *self._disordered()]), []

    def descending(self, before: int) -> Iterator[Range]:
        """Yield stretches below a number, the newest first; none is empty."""
        parts = (each.below(before) for each in self._all(newest_first=True))
        return (each for each in parts if each.low < each.high)

    def ascending(self, after: int) -> Iterator[Range]:
        """Yield stretches above a number, the oldest first; none is empty."""
        parts = (each.above(after + 1) for each in self._all(newest_first=False))
        return (each for each in parts if each.low < each.high)

    def _all(self, *, newest_first: bool) -> Iterator[Range]:
        if newest_first:
            yield from self._known
            yield from map(self._of_span, reversed(self._spans))
        else:
            yield from map(self._of_span, self._spans)
            yield from reversed(self._known)

    def _of_span(self, span: tuple[datetime, datetime]) -> Range:
        """Find the rows of an account in a span of time: those that are added up are numbered in order of time."""
        fresh = self._known[0].low

        def look(connection: sa.Connection) -> Range:
            among = Range(self.first, fresh)
            return Range(*(_first_added_up_since(connection, self._wanted, instant, among) for instant in span))

        return self._storage.read(look)

    def _disordered(self) -> list[Range]:
        """Find the rows of an account in the spans, by looking each of them up; all rows where they are too many."""
        numbers: list[int] = []
        for start, end in self._spans:
            place: time_order.Place | None = None
            while found := self._storage.read(functools.partial(_in_time, self._wanted, start, end, place)):
                numbers += [row.seq for row in found]
                if len(numbers) > MOST_LOOKED_UP:
                    return [Range(self.first, self._known[0].low)]
                if len(found) < LOOKED_UP_AT_ONCE:
                    break
                place = (found[-1].held, found[-1].id)
                time.sleep(0)  # other greenlets come first
        return _joined([Range(number, number + 1) for number in numbers], apart=APART)


def _numbering(wanted: Wanted) -> sa.ColumnElement[int]:
    column = UsageLog.id if wanted.account_id is None else UsageLog.seq
    return sa.type_coerce(column, sa.BigInteger)


def _bounds(connection: sa.Connection, wanted: Wanted) -> tuple[int, int]:
    column = _numbering(wanted)

    def outermost(order: sa.UnaryExpression[int]) -> int | None:
        one = sa.select(column).order_by(order).limit(1)
        if wanted.account_id is not None:
            one = one.where(UsageLog.account_id == wanted.account_id)
        number: int | None = connection.scalar(one)
        return number

    return outermost(column.asc()) or 1, (outermost(column.desc()) or 0) + 1


def _first_since(connection: sa.Connection, wanted: Wanted, instant: datetime) -> int | None:
    found = sa.select(UsageLog.seq).where(UsageLog.account_id == wanted.account_id, UsageLog.started_at >= instant)
    return connection.scalar(found.order_by(UsageLog.started_at, UsageLog.id).limit(1))


def _is_in_order(connection: sa.Connection, wanted: Wanted) -> bool:
    known = sa.select(TotalledUpTo.in_order).where(TotalledUpTo.account_id == wanted.account_id)
    return connection.scalar(known) is not False


def _first_added_up_since(connection: sa.Connection, wanted: Wanted, instant: datetime, among: Range) -> int:
    """Return the number of an account's first row since an instant among those that are in order of time."""
    first = _first_since(connection, wanted, instant)
    if first is None or first < among.high:
        return among.high if first is None else first
    # One that is not added up yet: nothing is later, or it was put in after later ones. Then halving finds the place.
    row = sa.select(UsageLog.seq, (UsageLog.started_at >= instant).label("is_since"))
    row = row.where(UsageLog.account_id == wanted.account_id).limit(1)
    last = connection.execute(row.where(UsageLog.seq < among.high).order_by(UsageLog.seq.desc())).first()
    if last is None or not last.is_since:
        return among.high
    row = row.order_by(UsageLog.seq)
    low, high = among.low, among.high
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(row.where(UsageLog.seq >= middle, UsageLog.seq < high)).first()
        if found is None or found.is_since:
            high = middle
        else:
            low = found.seq + 1
    return low


def _in_time(
    wanted: Wanted, start: datetime, end: datetime, place: time_order.Place | None, connection: sa.Connection
) -> list[Any]:
    """Return the next rows of an account in a span, in order of time."""
    rows = sa.select(UsageLog.seq, UsageLog.id, time_order.HELD).where(UsageLog.account_id == wanted.account_id)
    rows = rows.where(UsageLog.started_at >= start if place is None else time_order.after(place))
    rows = rows.where(UsageLog.started_at < end).order_by(*time_order.ORDER).limit(LOOKED_UP_AT_ONCE)
    return list(connection.execute(rows))


def first_fresh(connection: sa.Connection, wanted: Wanted = EVERYTHING) -> int | None:
    """Return the number of the oldest row that is in no total yet; None where all are."""
    # As a subquery: joined, SQLite would rather read the whole log than look each account up.
    first = sa.select(_numbering(wanted)).where(UsageLog.account_id == Account.id, UsageLog.seq == _TOTALLED + 1)
    oldest = _of_accounts(wanted, sa.func.min(first.correlate(Account, TotalledUpTo).scalar_subquery()))
    found = [connection.scalar(oldest)]
    # Another program may have left gaps between its numbers. MySQL finds the row behind one quickly for an account that
    # it is told, and not for one of a list.
    is_behind = _NEWEST.correlate(Account).scalar_subquery() > _TOTALLED
    before_gaps = _of_accounts(wanted, Account.id, _TOTALLED).where(
        is_behind, ~sa.exists(first.correlate(Account, TotalledUpTo))
    )
    for number, (account_id, totalled) in enumerate(connection.execute(before_gaps).all(), start=1):
        if number % LOOKED_AFTER_AT_ONCE == 0:
            time.sleep(0)  # other greenlets come first
        behind = sa.select(_numbering(wanted)).where(UsageLog.account_id == account_id, UsageLog.seq > totalled)
        found.append(connection.scalar(behind.order_by(UsageLog.seq).limit(1)))
    return min((number for number in found if number is not None), default=None)


_TOTALLED = sa.func.coalesce(TotalledUpTo.seq, 0)
_NEWEST = sa.select(UsageLog.seq).where(UsageLog.account_id == Account.id).order_by(UsageLog.seq.desc()).limit(1)


def _of_accounts(wanted: Wanted, *columns: Any) -> sa.Select[Any]:
    """Return a question that is asked of each account, or of the one that is wanted."""
    asked = sa.select(*columns).select_from(sa.outerjoin(Account, TotalledUpTo, TotalledUpTo.account_id == Account.id))
    return asked if wanted.account_id is None else asked.where(Account.id == wanted.account_id)


def _of_house(connection: sa.Connection, wanted: Wanted, first: int, end: int) -> list[Range]:
    """Return the stretches over all accounts, the newest first: fitting days, and what is in no total yet."""
    fresh = first_fresh(connection, wanted)  # before the days: rows that are added up in between are in either
    days = sa.select(UsageSpan.first_id, UsageSpan.last_id).where(UsageSpan.length == DAY)
    days = _within(days, UsageSpan.start, wanted)
    if wanted.picks:
        may_have = sa.select(sa.literal(1)).where(
            UsageSum.length == DAY,
            UsageSum.start == UsageSpan.start,
            UsageSum.account_id == EVERYBODY,
            *total_conditions(wanted, UsageSum),
        )
        days = days.where(sa.or_(UsageSpan.changed > UsageSpan.summed, sa.exists(may_have.correlate(UsageSpan))))
    found = [Range(max(first, low), high + 1) for low, high in connection.execute(days)]
    return _joined([*found, Range(end if fresh is None else fresh, end)])


def _spans(connection: sa.Connection, wanted: Wanted) -> list[tuple[datetime, datetime]]:
    """Return the spans of time, oldest first, in which an account may have what is wanted."""
    if not wanted.picks:
        return [(wanted.since or datetime.min.replace(tzinfo=UTC), wanted.until or datetime.max.replace(tzinfo=UTC))]
    days = sa.select(UsageTotal.day_start).where(UsageTotal.account_id == wanted.account_id).distinct()
    days = _within(days, UsageTotal.day_start, wanted).where(*total_conditions(wanted, UsageTotal))
    spans: list[tuple[datetime, datetime]] = []
    for start in connection.scalars(days.order_by(UsageTotal.day_start)):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], start + LONGEST_DAY)
        else:
            spans.append((start, start + LONGEST_DAY))
    clipped = ((max(start, wanted.since or start), min(end, wanted.until or end)) for start, end in spans)
    return [(start, end) for start, end in clipped if start < end]


def _within(days: sa.Select[*tuple[Any, ...]], start: Any, wanted: Wanted) -> sa.Select[*tuple[Any, ...]]:
    if wanted.since is not None:
        days = days.where(start > wanted.since - LONGEST_DAY)
    if wanted.until is not None:
        days = days.where(start < wanted.until)
    return days


def _joined(ranges: Iterable[Range], *, apart: int = 0) -> list[Range]:
    """Return the same rows as stretches that do not overlap, the newest first; those nearer than ``apart`` as one."""
    joined: list[Range] = []
    for each in sorted(ranges, key=lambda one: one.high, reverse=True):
        if each.low >= each.high:
            continue
        if joined and each.high + apart >= joined[-1].low:
            joined[-1] = Range(min(each.low, joined[-1].low), joined[-1].high)
        else:
            joined.append(each)
    return joined
