"""Whether a database is what the models say and its numbers are right: asked after an upgrade and a restore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from .usage_log import UsageLog

SAMPLED_ACCOUNTS = 20
MOST_COUNTED = 20_000  # prompts of a month; the check must not hold others up
NEVER_FEWER = ("accounts", "service_tokens", "subscriptions", "usage_log", "usage_totals", "stored_responses")
"""Tables that others only add to in the moments of an upgrade."""


class Unsound(Exception):
    """A database is not what it should be; the text says in what."""


def check_rows(before: Mapping[str, int], after: Mapping[str, int], tables: Iterable[str], *, exactly: bool) -> None:
    """Hold numbers of rows against those before.

    Raises:
        Unsound: a table lost rows, or, ``exactly``, has others.
    """
    for table in tables:
        if table in before and (after.get(table, 0) < before[table] or (exactly and after[table] != before[table])):
            raise Unsound(f"the table {table} had {before[table]:,} rows and has {after.get(table, 0):,}")


def check_running_numbers(connection: sa.Connection) -> int:
    """Count the prompts of the day and month of those accounts that asked last; return how many accounts.

    Each is one statement, so that admissions meanwhile do not matter.

    Raises:
        Unsound: a running number is not what the rows say.
    """
    accounts = list(connection.scalars(_asked_last()))
    for account_id in accounts:
        row = connection.execute(_number_and_count(account_id)).one()
        if (row.day_prompts, row.month_prompts) != (row.day_counted, row.month_counted):
            raise Unsound(
                f"account {account_id} counts {row.day_prompts:,} prompts of the day and {row.month_prompts:,} of the "
                f"month, and its rows say {row.day_counted:,} and {row.month_counted:,}"
            )
    return len(accounts)


def _asked_last() -> Any:
    newest = sa.select(UsageLog.account_id, UsageLog.month_prompts).order_by(UsageLog.id.desc())
    some = newest.limit(SAMPLED_ACCOUNTS * 5).subquery()
    few = sa.select(some.c.account_id).where(some.c.month_prompts <= MOST_COUNTED)
    return few.distinct().limit(SAMPLED_ACCOUNTS)


def _number_and_count(account_id: int) -> Any:
    newest = aliased(UsageLog)
    last = sa.select(sa.func.max(UsageLog.seq)).where(UsageLog.account_id == account_id).scalar_subquery()

    def counted(start: Any) -> Any:
        rows = sa.select(sa.func.count()).where(
            UsageLog.account_id == account_id, UsageLog.started_at >= start, UsageLog.counted
        )
        return rows.correlate(newest).scalar_subquery()

    return sa.select(
        newest.day_prompts,
        newest.month_prompts,
        counted(newest.day_start).label("day_counted"),
        counted(newest.month_start).label("month_counted"),
    ).where(newest.account_id == account_id, newest.seq == last)
