"""What the whole house used: sums of days or months, and the rows that have not been added up yet.

Costs the sums of the span and some thousand rows at most, however large the log is. While housekeeping has more than
that to add up (after a time without the service, or an upgrade), those rows are left out, and ``Freshness`` says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from .account import Account
from .storage import Storage
from .usage_log import UsageLog
from .usage_ranges import first_fresh
from .usage_sums import DAY, EVERYBODY, MONTH, UsageSpan, UsageSum
from .usage_tally import SUMS, LoggedRow, Tally
from .usage_totals import LOGGED, TotalledUpTo, tally_of

MOST_FRESH = 2_000  # rows that are added to the sums when somebody looks; the log may hold as many others between them
MERGED_AT_ONCE = 50


class FreshRow(Struct, frozen=True):
    """A row that is in no total yet, and whose it is."""

    account_id: int
    row: LoggedRow


class Freshness(Struct, frozen=True):
    """How far the sums go. ``rows`` are those after them; empty where there are too many to be added by the way."""

    rows: list[FreshRow]
    as_of: datetime | None
    """The sums hold everything up to then, and nothing later is in the figures; None: the figures are complete."""


class HouseSum(Struct, frozen=True):
    """What everybody used in a span by one alias over one upstream (empty: none was reached)."""

    start: datetime
    alias: str
    upstream: str
    tally: Tally


class AccountSum(Struct, frozen=True):
    """What one account used in a span."""

    start: datetime
    account_id: int
    tally: Tally


class Stretch(Struct, frozen=True):
    """Time up to now, as spans of a length that began at ``since`` or later."""

    length: str
    since: datetime
    months_since: datetime
    """Months that began then or later lie in it whole: their sums stand for those of their days."""


def house_sums(storage: Storage, stretch: Stretch) -> tuple[list[HouseSum], Freshness]:
    """Return each span's sums, without codes and times, and what is not in them yet.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    starts = sa.select(UsageSpan.start).where(UsageSpan.length == stretch.length, UsageSpan.start >= stretch.since)
    sums = _sums(UsageSum.start, UsageSum.alias_served, UsageSum.upstream)

    def read(connection: sa.Connection) -> tuple[Sequence[Any], Freshness]:
        # Each span by its key: a range of spans would lead through the sums of all accounts.
        wanted = sums.where(
            UsageSum.length == stretch.length,
            UsageSum.start.in_(list(connection.scalars(starts))),
            UsageSum.account_id == EVERYBODY,
        )
        return connection.execute(wanted).all(), _freshness(connection)

    rows, freshness = storage.read(read)
    return [HouseSum(start, alias, upstream, _tally(values)) for start, alias, upstream, *values in rows], freshness


def house_details(storage: Storage, stretch: Stretch) -> list[HouseSum]:
    """Return the sums of the whole stretch in as few spans as possible, with codes and times."""
    return [
        HouseSum(row.start, row.alias_served, row.upstream, tally)
        for row, tally in _details(storage, stretch, UsageSum.account_id == EVERYBODY)
    ]


def account_sums(storage: Storage, stretch: Stretch) -> dict[int, Tally]:
    """Return what each account used, without codes and times."""
    summed = [sa.func.sum(getattr(UsageSum, name)) for name in (*SUMS, "cost")]
    wanted = sa.select(UsageSum.account_id, *summed).where(
        UsageSum.account_id != EVERYBODY, *_in_few_spans(storage, stretch)
    )
    rows = storage.read(lambda connection: connection.execute(wanted.group_by(UsageSum.account_id)).all())
    return {row[0]: _tally(row[1:]) for row in rows}


def account_details(storage: Storage, stretch: Stretch, accounts: Iterable[int]) -> list[AccountSum]:
    """Return what some accounts used in as few spans as possible, with codes and times."""
    whose = UsageSum.account_id.in_(list(accounts))
    return [AccountSum(row.start, row.account_id, tally) for row, tally in _details(storage, stretch, whose)]


def addresses(storage: Storage, accounts: Iterable[int]) -> dict[int, str]:
    """Return the address of each of some accounts; deleted ones have none."""
    wanted = sa.select(Account.id, Account.email).where(Account.id.in_(list(accounts)), Account.email.is_not(None))
    rows = storage.read(lambda connection: connection.execute(wanted).all())
    return {row.id: row.email for row in rows}


def _sums(*keys: Any) -> sa.Select[Any]:
    return sa.select(*keys, *(getattr(UsageSum, name) for name in (*SUMS, "cost")))


def _tally(values: Sequence[Any]) -> Tally:
    """Return a tally of plain sums; MySQL adds up to decimals."""
    *sums, cost = values
    tally = Tally(cost=cost)
    for name, value in zip(SUMS, sums, strict=True):
        setattr(tally, name, int(value))
    return tally


def _details(storage: Storage, stretch: Stretch, whose: sa.ColumnElement[bool]) -> Iterator[tuple[sa.Row[Any], Tally]]:
    wanted = sa.select(UsageSum.__table__).where(whose, *_in_few_spans(storage, stretch))
    rows = storage.read(lambda connection: connection.execute(wanted).all())
    for number, row in enumerate(rows, start=1):
        yield row, tally_of(row)
        if number % MERGED_AT_ONCE == 0:
            time.sleep(0)  # other greenlets come first


def _in_few_spans(storage: Storage, stretch: Stretch) -> list[sa.ColumnElement[bool]]:
    """Return what picks whole months, and the days of the others."""
    if stretch.length == MONTH:
        return [UsageSum.length == MONTH, UsageSum.start >= stretch.since]
    wanted = sa.select(UsageSpan.start).where(
        UsageSpan.length == DAY,
        UsageSpan.start >= stretch.since,
        UsageSpan.month_start < stretch.months_since,
    )
    days = storage.read(lambda connection: list(connection.scalars(wanted)))
    return [
        sa.or_(
            sa.and_(UsageSum.length == MONTH, UsageSum.start >= stretch.months_since),
            sa.and_(UsageSum.length == DAY, UsageSum.start.in_(days)),
        )
    ]


def _freshness(connection: sa.Connection) -> Freshness:
    behind = sa.select(sa.exists(sa.select(UsageSpan.start).where(UsageSpan.changed > UsageSpan.summed)))
    sums_are_behind = bool(connection.scalar(behind))
    first = first_fresh(connection)
    if first is None:
        return Freshness([], _first_unsummed(connection) if sums_are_behind else None)
    last: int = connection.scalar(sa.select(UsageLog.id).order_by(UsageLog.id.desc()).limit(1)) or first
    if sums_are_behind or last - first >= 5 * MOST_FRESH:
        return Freshness([], _first_unsummed(connection) if sums_are_behind else _admitted_at(connection, first))
    wanted = (
        sa.select(UsageLog.account_id, *LOGGED)
        .outerjoin(TotalledUpTo, TotalledUpTo.account_id == UsageLog.account_id)
        .where(UsageLog.id >= first, UsageLog.seq > sa.func.coalesce(TotalledUpTo.seq, 0))
        .order_by(UsageLog.id)
        .limit(MOST_FRESH + 1)
    )
    rows = [FreshRow(account_id, LoggedRow(*row)) for account_id, *row in connection.execute(wanted)]
    if len(rows) > MOST_FRESH:
        return Freshness([], _admitted_at(connection, first))
    return Freshness(rows, None)


def _admitted_at(connection: sa.Connection, row_id: int) -> datetime | None:
    return connection.scalar(sa.select(UsageLog.started_at).where(UsageLog.id == row_id))


def _first_unsummed(connection: sa.Connection) -> datetime | None:
    """Return when the oldest day began whose sums are not made yet; months follow their days."""
    behind = sa.select(UsageSpan.start).where(UsageSpan.changed > UsageSpan.summed)
    return connection.scalar(behind.order_by(UsageSpan.start).limit(1))
