"""What an account used since a day, by alias and upstream: sums that the database adds up, without times.

Years of an account are one small answer, where ``usage_days`` reads each day. Times to first output are left out:
they are counted by step in JSON, which the database cannot add.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from .storage import Storage
from .usage_portions import waiting
from .usage_tally import SUMS, Tally
from .usage_totals import TotalledUpTo, UsageTotal

NO_ERRORS = "{}"
_SINCE = (UsageTotal.account_id == sa.bindparam("account_id"), UsageTotal.day_start >= sa.bindparam("since"))
_TOTALLED = sa.select(TotalledUpTo.seq).where(TotalledUpTo.account_id == sa.bindparam("account_id"))
_ADDED_UP = (
    sa.select(
        UsageTotal.alias_served,
        UsageTotal.upstream,
        *(sa.func.sum(getattr(UsageTotal, name)).label(name) for name in SUMS),
        sa.func.sum(UsageTotal.cost).label("cost"),
    )
    .where(*_SINCE)
    .group_by(UsageTotal.alias_served, UsageTotal.upstream)
)
_ERRORS = sa.select(UsageTotal.alias_served, UsageTotal.upstream, UsageTotal.error_codes).where(
    *_SINCE, UsageTotal.error_codes != NO_ERRORS
)


def used_by_alias(storage: Storage, account_id: int, since: datetime) -> dict[tuple[str, str], Tally]:
    """Return what an account used by alias and upstream, of days that began at ``since`` or later, exactly.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    seq, found = _totals(storage, account_id, since)
    for tallies in waiting(storage, account_id, seq, since):
        for (_, alias, upstream), tally in tallies.items():
            found.setdefault((alias, upstream), Tally()).merge(tally)
    return found


def _totals(storage: Storage, account_id: int, since: datetime) -> tuple[int, dict[tuple[str, str], Tally]]:
    """Read the totals, and up to which row they go; again where rows were added up between two statements."""
    asked: dict[str, Any] = {"account_id": account_id, "since": since}

    def look(connection: sa.Connection) -> tuple[int, int, list[Any], list[Any]]:
        before = connection.scalar(_TOTALLED, asked) or 0
        sums, errors = connection.execute(_ADDED_UP, asked).all(), connection.execute(_ERRORS, asked).all()
        return before, connection.scalar(_TOTALLED, asked) or 0, list(sums), list(errors)

    while True:
        before, after, sums, errors = storage.read(look)
        if before == after:
            break
    found: dict[tuple[str, str], Tally] = {}
    for row in sums:
        tally = found[row.alias_served, row.upstream] = Tally(cost=row.cost)
        for name in SUMS:
            setattr(tally, name, int(getattr(row, name)))  # MySQL gives sums as decimals
    for alias, upstream, codes in errors:
        found[alias, upstream].merge(Tally(error_codes=json.loads(codes)))
    return after, found
