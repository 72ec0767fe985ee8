"""What an account used, day by day: the totals, and the rows that are not in them yet."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from .storage import Storage
from .usage_portions import waiting
from .usage_tally import Tally
from .usage_totals import Key, TotalledUpTo, UsageTotal, tally_of

READ_AT_ONCE = 100  # totals; a year of an account may have thousands


def used_since(storage: Storage, account_id: int, since: datetime) -> dict[Key, Tally]:
    """Return what an account used, by day, alias and upstream, of days that began at ``since`` or later.

    Rows under way are among it. Costs a look at the totals and the rows of the last hour or so; as long as
    housekeeping has not caught up, the rows that wait, portion by portion, so that nobody is held up.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    totalled_up_to, totals = _totals(storage, account_id, since)
    found: dict[Key, Tally] = {}
    for number, total in enumerate(totals, start=1):
        found[total.day_start, total.alias_served, total.upstream] = tally_of(total)
        if number % READ_AT_ONCE == 0:
            time.sleep(0)  # other greenlets come first
    for tallies in waiting(storage, account_id, totalled_up_to, since):
        for key, tally in tallies.items():
            found.setdefault(key, Tally()).merge(tally)
    return found


def _totals(storage: Storage, account_id: int, since: datetime) -> tuple[int, list[sa.Row[Any]]]:
    # One statement: between two, more rows could be added up, and be missed or seen twice.
    statement = (
        sa.select(TotalledUpTo.seq, *UsageTotal.__table__.c)
        .outerjoin(
            UsageTotal,
            sa.and_(UsageTotal.account_id == TotalledUpTo.account_id, UsageTotal.day_start >= since),
        )
        .where(TotalledUpTo.account_id == account_id)
    )
    rows = storage.read(lambda connection: connection.execute(statement).all())
    if not rows:
        return 0, []
    return rows[0].seq, [row for row in rows if row.day_start is not None]
