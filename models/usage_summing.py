"""Adding the totals up to the sums of days and months (``usage_sums``).

A day is added up whole from its totals, a month from its days; both are read outside the transaction that writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from .storage import Storage
from .usage_sums import ANY, DAY, EVERYBODY, MONTH, UsageSpan, UsageSum, note_change
from .usage_tally import Tally
from .usage_totals import UsageTotal, tally_of, values_of

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
    read: Callable[[sa.Connection, Any], list[tuple[SumKey, Any]]],
) -> int | None:
    """Add one span up; None when it needs no more, or somebody was quicker."""
    is_span = (UsageSpan.length == length, UsageSpan.start == start)

    def look(connection: sa.Connection) -> tuple[Any, list[tuple[SumKey, Any]]]:
        # The number first: totals that change in between are then newer than it, and are added up once more.
        span = connection.execute(sa.select(UsageSpan.__table__).where(*is_span)).one()
        return span, read(connection, span)

    span, found = storage.read(look)
    if span.changed <= span.summed:
        return None
    sums: dict[SumKey, Tally] = {}
    for number, (key, row) in enumerate(found, start=1):
        sums.setdefault(key, Tally()).merge(tally_of(row))
        if number % MERGED_AT_ONCE == 0:
            time.sleep(0)  # other greenlets come first
    return storage.write(lambda connection: _write(connection, span, sums))


def _write(connection: sa.Connection, span: Any, sums: Mapping[SumKey, Tally]) -> int | None:
    is_span = (UsageSpan.length == span.length, UsageSpan.start == span.start)
    moved = sa.update(UsageSpan).where(*is_span, UsageSpan.summed < span.changed).values(summed=span.changed)
    if connection.execute(moved).rowcount == 0:
        return None
    connection.execute(sa.delete(UsageSum).where(UsageSum.length == span.length, UsageSum.start == span.start))
    rows = [
        {
            "length": span.length,
            "start": span.start,
            "account_id": account_id,
            "alias_served": alias,
            "upstream": upstream,
            **values_of(tally),
        }
        for (account_id, alias, upstream), tally in sums.items()
    ]
    if rows:
        connection.execute(sa.insert(UsageSum), rows)
    if span.length == DAY:
        note_change(connection, MONTH, span.month_start, span.month_start)
    return len(rows)


def _day(connection: sa.Connection, span: Any) -> list[tuple[SumKey, Any]]:
    totals = connection.execute(sa.select(UsageTotal.__table__).where(UsageTotal.day_start == span.start))
    found: list[tuple[SumKey, Any]] = []
    for total in totals:
        found.append(((EVERYBODY, total.alias_served, total.upstream), total))
        found.append(((total.account_id, ANY, ANY), total))
    return found


def _month(connection: sa.Connection, span: Any) -> list[tuple[SumKey, Any]]:
    days = sa.select(UsageSpan.start).where(UsageSpan.length == DAY, UsageSpan.month_start == span.start)
    starts = list(connection.scalars(days))
    sums = sa.select(UsageSum.__table__).where(UsageSum.length == DAY, UsageSum.start.in_(starts))
    return [((row.account_id, row.alias_served, row.upstream), row) for row in connection.execute(sums)]
