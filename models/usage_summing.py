"""Adding the totals up to the sums of days and months (``usage_sums``).

A day is added up whole from its totals, a month from its days; both are read outside the transaction that writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from .storage import Storage
from .usage_sums import ANY, DAY, EVERYBODY, MONTH, UsageSpan, UsageSum, note_change
from .usage_tally import Tally
from .usage_totals import UsageTotal, tally_of, values_of

T = TypeVar("T")
SumKey = tuple[int, str, str]
"""Account or ``EVERYBODY``, alias or ``ANY``, upstream or ``ANY``."""

MERGED_AT_ONCE = 50


def sum_up(storage: Storage) -> Iterator[int]:
    """Bring the sums of all days and months up to their totals; yield after each span how many sums it has.

    The caller rests in between. Of two that do it at once, one's work is thrown away.

    Raises:
        StorageUnavailable: the rest waits for the next time.
    """
    for length, read in ((DAY, _day), (MONTH, _month)):
        for start in _behind(storage, length):
            written = _sum_span(storage, length, start, read)
            if written is not None:
                yield written


def _behind(storage: Storage, length: str) -> list[datetime]:
    behind = sa.select(UsageSpan.start).where(UsageSpan.length == length, UsageSpan.changed > UsageSpan.summed)
    return storage.read(lambda connection: list(connection.scalars(behind.order_by(UsageSpan.start))))


def _sum_span(
    storage: Storage,
    length: str,
    start: datetime,
    read: Callable[[sa.Connection, Any], Iterable[tuple[SumKey, Any]]],
) -> int | None:
    """Add one span up; None when it needs no more, or somebody was quicker."""
    is_span = (UsageSpan.length == length, UsageSpan.start == start)

    def look(connection: sa.Connection) -> tuple[Any, dict[SumKey, Tally]]:
        # The number first: totals that change in between are then newer than it, and are added up once more.
        span = connection.execute(sa.select(UsageSpan.__table__).where(*is_span)).one()
        sums: dict[SumKey, Tally] = {}
        if span.changed > span.summed:
            for key, row in _at_leisure(read(connection, span)):
                sums.setdefault(key, Tally()).merge(tally_of(row))
        return span, sums

    span, sums = storage.read(look)
    if span.changed <= span.summed:
        return None
    rows = [
        {
            "length": span.length,
            "start": span.start,
            "account_id": account_id,
            "alias_served": alias,
            "upstream": upstream,
            **values_of(tally),
        }
        for (account_id, alias, upstream), tally in _at_leisure(sums.items())
    ]
    return storage.write(lambda connection: _write(connection, span, rows))


def _at_leisure(each: Iterable[T]) -> Iterator[T]:
    """Pass things on; other greenlets come first, again and again. An account a day is a thing, or two."""
    for number, one in enumerate(each, start=1):
        yield one
        if number % MERGED_AT_ONCE == 0:
            time.sleep(0)


def _write(connection: sa.Connection, span: Any, rows: list[dict[str, Any]]) -> int | None:
    is_span = (UsageSpan.length == span.length, UsageSpan.start == span.start)
    moved = sa.update(UsageSpan).where(*is_span, UsageSpan.summed < span.changed).values(summed=span.changed)
    if connection.execute(moved).rowcount == 0:
        return None
    connection.execute(sa.delete(UsageSum).where(UsageSum.length == span.length, UsageSum.start == span.start))
    if rows:
        connection.execute(sa.insert(UsageSum), rows)
    if span.length == DAY:
        note_change(connection, MONTH, span.month_start, span.month_start)
    return len(rows)


def _day(connection: sa.Connection, span: Any) -> Iterator[tuple[SumKey, Any]]:
    totals = sa.select(UsageTotal.__table__).where(UsageTotal.day_start == span.start)
    for total in _one_by_one(connection, totals):
        yield (EVERYBODY, total.alias_served, total.upstream), total
        yield (total.account_id, ANY, ANY), total


def _month(connection: sa.Connection, span: Any) -> Iterator[tuple[SumKey, Any]]:
    days = sa.select(UsageSpan.start).where(UsageSpan.length == DAY, UsageSpan.month_start == span.start)
    starts = list(connection.scalars(days))
    sums = sa.select(UsageSum.__table__).where(UsageSum.length == DAY, UsageSum.start.in_(starts))
    for row in _one_by_one(connection, sums):
        yield (row.account_id, row.alias_served, row.upstream), row


def _one_by_one(connection: sa.Connection, wanted: sa.Select[Any]) -> Iterator[sa.Row[Any]]:
    """Read rows as they are asked for: of many accounts, all at once would stop the event loop."""
    return iter(
        connection.execute(wanted, execution_options={"stream_results": True, "max_row_buffer": MERGED_AT_ONCE})
    )
