"""Where in the usage log requests of a kind can be at all: stretches of it, found without looking at its rows.

Rows are numbered: by ``id`` over all accounts, by ``seq`` within one. Closed rows are added up into totals after a
while, and the totals of a day tell whether it can have what is wanted. So a search for what was rare, or never was,
looks at the days that have it and at the rows that are not added up yet, however large the log is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from .account import Account
from .storage import Storage
from .usage_filter import Wanted, total_conditions
from .usage_log import UsageLog
from .usage_sums import DAY, EVERYBODY, UsageSpan, UsageSum
from .usage_totals import TotalledUpTo, UsageTotal

EVERYTHING = Wanted()
LONGEST_DAY = timedelta(hours=26)  # 25 where clocks change; an hour more does no harm


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
        """Find the rows of an account in a span of time: they are numbered in order of time."""
        fresh = self._known[0].low

        def look(connection: sa.Connection) -> Range:
            low, high = (_first_since(connection, self._wanted, instant) for instant in span)
            return Range(fresh if low is None else low, fresh if high is None else min(high, fresh))

        return self._storage.read(look)


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


def first_fresh(connection: sa.Connection, wanted: Wanted = EVERYTHING) -> int | None:
    """Return the number of the oldest row that is in no total yet; None where all are."""
    # As a subquery: joined, SQLite would rather read the whole log than look each account up.
    first = sa.select(_numbering(wanted)).where(
        UsageLog.account_id == Account.id, UsageLog.seq == sa.func.coalesce(TotalledUpTo.seq, 0) + 1
    )
    oldest = sa.select(sa.func.min(first.correlate(Account, TotalledUpTo).scalar_subquery())).select_from(
        sa.outerjoin(Account, TotalledUpTo, TotalledUpTo.account_id == Account.id)
    )
    if wanted.account_id is not None:
        oldest = oldest.where(Account.id == wanted.account_id)
    number: int | None = connection.scalar(oldest)
    return number


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


def _joined(ranges: Iterable[Range]) -> list[Range]:
    """Return the same rows as stretches that do not overlap, the newest first."""
    joined: list[Range] = []
    for each in sorted(ranges, key=lambda one: one.high, reverse=True):
        if each.low >= each.high:
            continue
        if joined and each.high >= joined[-1].low:
            joined[-1] = Range(min(each.low, joined[-1].low), joined[-1].high)
        else:
            joined.append(each)
    return joined
