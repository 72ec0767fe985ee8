"""Pages of requests of all accounts, newest first, as operators look for them (``usage_filter``).

Pages begin at numbers of rows, never at counts of them. A page looks through so many rows and for so long at most;
where that is not enough it says how far it came, and the next one goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from msgspec import Struct

from .account import Account
from .storage import Storage
from .usage_filter import RUNNING, Wanted, row_conditions
from .usage_log import UsageLog
from .usage_lookup import LoggedRequest
from .usage_ranges import Range, Ranges

LOOKED_AT_ONCE = 2_000  # rows of one statement
MOST_LOOKED_AT = 40_000  # for one page
LONGEST_LOOK_S = 0.06  # for one page; what has begun is finished
MOST_EXPORTED = 50_000
MOST_RUNNING = 2_000


class ListedRequest(NamedTuple):
    """A row of the usage log with the number that pages go by, and whose it is (None: the account was deleted)."""

    number: int
    row: LoggedRequest
    account_email: str | None


class Page(Struct, frozen=True):
    """Some requests, newest first, and where the neighbouring pages begin; None where there is none."""

    requests: list[ListedRequest]
    older_than: int | None
    newer_than: int | None
    looked_back_to: datetime | None
    """Where the page ended early, because few requests are like that: older ones have not been looked at."""


_COLUMNS: tuple[sa.ColumnElement[Any], ...] = tuple(getattr(UsageLog, name) for name in LoggedRequest._fields)


def page_before(storage: Storage, wanted: Wanted, before: int | None, size: int) -> Page:
    """Return the newest requests whose number is below ``before``, of all without it.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    if wanted.outcome == RUNNING:
        return _running(storage, wanted, before, size)
    ranges = Ranges(storage, wanted)
    start = ranges.end if before is None else min(before, ranges.end)
    look = _Look(storage, wanted, ranges, size + 1)
    found = look.through(ranges.descending(start), newest_first=True)
    shown = found[:size]
    older_than = shown[-1].number if len(found) > size else look.stopped_at
    newer_than = None if start >= ranges.end else shown[0].number if shown else start - 1
    looked_back_to = None if len(found) > size or older_than is None else _time_at(storage, wanted, ranges, older_than)
    return Page(shown, older_than, newer_than, looked_back_to)


def page_after(storage: Storage, wanted: Wanted, after: int, size: int) -> Page:
    """Return the oldest requests whose number is above ``after``; the newest page where they do not fill one.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    if wanted.outcome == RUNNING:
        return _running(storage, wanted, None, size)
    ranges = Ranges(storage, wanted)
    look = _Look(storage, wanted, ranges, size + 1)
    found = look.through(ranges.ascending(after), newest_first=False)
    if len(found) <= size and look.stopped_at is None:
        return page_before(storage, wanted, None, size)
    shown = found[:size][::-1]
    newer_than = shown[0].number if len(found) > size else look.stopped_at
    return Page(shown, shown[-1].number if shown else after + 1, newer_than, None)


def newest(storage: Storage, wanted: Wanted) -> Iterator[ListedRequest]:
    """Read the newest 50,000 fitting requests, newest first, in portions; nothing is held open in between.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    if wanted.outcome == RUNNING:
        yield from _running(storage, wanted, None, MOST_RUNNING).requests
        return
    ranges = Ranges(storage, wanted)
    left = MOST_EXPORTED
    for part in _portions(ranges.descending(ranges.end), newest_first=True):
        portion = _between(storage, wanted, ranges, part, left, newest_first=True)
        yield from portion
        left -= len(portion)
        if left <= 0:
            return
        time.sleep(0)


class _Look:
    """One look through the log, bounded in rows and in time. ``stopped_at`` is where it ended early."""

    def __init__(self, storage: Storage, wanted: Wanted, ranges: Ranges, at_most: int) -> None:
        self._storage = storage
        self._wanted = wanted
        self._ranges = ranges
        self._at_most = at_most
        self._end_at = time.monotonic() + LONGEST_LOOK_S
        self.stopped_at: int | None = None

    def through(self, ranges: Iterable[Range], *, newest_first: bool) -> list[ListedRequest]:
        """Return the first requests that fit."""
        found: list[ListedRequest] = []
        looked_at = 0
        reached: int | None = None
        for part in _portions(ranges, newest_first=newest_first):
            if looked_at >= MOST_LOOKED_AT or (looked_at and time.monotonic() > self._end_at):
                self.stopped_at = reached
                break
            missing = self._at_most - len(found)
            found += _between(self._storage, self._wanted, self._ranges, part, missing, newest_first=newest_first)
            if len(found) >= self._at_most:
                break
            looked_at += part.high - part.low
            reached = part.low if newest_first else part.high - 1
            time.sleep(0)  # other greenlets come first
        return found


def _portions(ranges: Iterable[Range], *, newest_first: bool) -> Iterator[Range]:
    for each in ranges:
        if newest_first:
            for high in range(each.high, each.low, -LOOKED_AT_ONCE):
                yield Range(max(each.low, high - LOOKED_AT_ONCE), high)
        else:
            for low in range(each.low, each.high, LOOKED_AT_ONCE):
                yield Range(low, min(each.high, low + LOOKED_AT_ONCE))


def _between(
    storage: Storage, wanted: Wanted, ranges: Ranges, part: Range, at_most: int, *, newest_first: bool
) -> list[ListedRequest]:
    number = ranges.numbering
    rows = _select(number, wanted).where(number >= part.low, number < part.high)
    rows = rows.order_by(number.desc() if newest_first else number).limit(at_most)
    return storage.read(lambda connection: [_listed(row) for row in connection.execute(rows)])


def _running(storage: Storage, wanted: Wanted, before: int | None, size: int) -> Page:
    """Return requests that are under way: they are few, and the index over their owners leads to them."""
    # A further condition could make the database choose another index, and read all rows of an account.
    ids = sa.select(UsageLog.id).where(UsageLog.owner_id > sa.literal_column("0")).limit(MOST_RUNNING)
    under_way = storage.read(lambda connection: list(connection.scalars(ids)))
    number: sa.ColumnElement[int] = sa.type_coerce(UsageLog.id, sa.BigInteger)
    rows = _select(number, wanted).where(UsageLog.id.in_(under_way)).order_by(number.desc())
    if before is not None:
        rows = rows.where(UsageLog.id < before)
    found = storage.read(lambda connection: [_listed(row) for row in connection.execute(rows.limit(size + 1))])
    shown = found[:size]
    older_than = shown[-1].number if len(found) > size else None
    return Page(shown, older_than, None if before is None else before - 1, None)


def _select(number: sa.ColumnElement[int], wanted: Wanted) -> sa.Select[*tuple[Any, ...]]:
    rows = sa.select(number, *_COLUMNS, Account.email).outerjoin(Account, Account.id == UsageLog.account_id)
    return rows.where(*row_conditions(wanted))


def _listed(row: sa.Row[*tuple[Any, ...]]) -> ListedRequest:
    number, *values, email = row
    return ListedRequest(number, LoggedRequest(*values), email)


def _time_at(storage: Storage, wanted: Wanted, ranges: Ranges, number: int) -> datetime | None:
    """Return when the first row at or after a number was admitted."""
    row = sa.select(UsageLog.started_at).where(ranges.numbering >= number)
    if wanted.account_id is not None:
        row = row.where(UsageLog.account_id == wanted.account_id)
    return storage.read(lambda connection: connection.scalar(row.order_by(ranges.numbering).limit(1)))
