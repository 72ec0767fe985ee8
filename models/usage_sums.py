"""Sums of the totals, for pictures of the whole house: by alias and upstream, and by account, a day or a month.

``UsageSpan`` has a row for each day and each month that something was used in. Whoever changes the totals of a
day raises its ``changed`` in the same transaction (``note_days``); ``usage_summing`` reads that number, adds the
day up, and writes the sums together with ``summed``, unless somebody wrote newer ones meanwhile. So sums are those
of one moment, and a span whose two numbers differ has newer totals than sums.

A day also knows between which ids of the usage log its rows are, so that a search can pass over days in which
there is nothing to be found.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Mapped, mapped_column

from .base import UtcDateTime, db
from .prepared import Prepared
from .usage_figures import UsageFigures
from .usage_tally import LoggedRow

# length
DAY = "day"
MONTH = "month"

EVERYBODY = 0  # account_id of what all accounts used
ANY = ""  # alias and upstream of what one account used


class UsageSpan(db.Model):  # type: ignore[name-defined, misc]
    """A day or a month, by its ``length`` and the instant at which it began, as rows were stamped with it."""

    __tablename__ = "usage_spans"

    length: Mapped[str] = mapped_column(sa.String(5), primary_key=True)
    start: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    # Of a day; a month's own start.
    month_start: Mapped[datetime] = mapped_column(UtcDateTime)
    # Of a day: no row that is in its totals lies outside of these. Of a month 0.
    first_id: Mapped[int] = mapped_column(sa.BigInteger)
    last_id: Mapped[int] = mapped_column(sa.BigInteger)
    changed: Mapped[int] = mapped_column(sa.BigInteger)
    summed: Mapped[int] = mapped_column(sa.BigInteger)


class UsageSum(UsageFigures, db.Model):  # type: ignore[name-defined, misc]
    """What was used in a span: by alias and upstream of ``EVERYBODY``, or of one account by ``ANY`` of them."""

    __tablename__ = "usage_sums"

    length: Mapped[str] = mapped_column(sa.String(5), primary_key=True)
    start: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    # No foreign key: 0 is no account.
    account_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    alias_served: Mapped[str] = mapped_column(sa.String(128), primary_key=True)
    upstream: Mapped[str] = mapped_column(sa.String(64), primary_key=True)


def note_days(connection: sa.Connection, rows: Iterable[LoggedRow]) -> None:
    """Record that rows are being added to the totals of their days, in the transaction that adds them."""
    months: dict[datetime, datetime] = {}
    ids: dict[datetime, list[int]] = {}
    for row in rows:
        months[row.day_start] = row.month_start
        ids.setdefault(row.day_start, []).append(row.id)
    for day_start in sorted(ids):  # in one order: of two transactions none waits for the other in a circle
        note_change(connection, DAY, day_start, months[day_start], min(ids[day_start]), max(ids[day_start]))


def note_change(
    connection: sa.Connection, length: str, start: datetime, month_start: datetime, first_id: int = 0, last_id: int = 0
) -> None:
    """Raise a span's ``changed``, making the span where it is missing."""
    values = {
        "length": length,
        "start": start,
        "month_start": month_start,
        "first_id": first_id,
        "last_id": last_id,
        "changed": 1,
        "summed": 0,
    }
    _noting(connection.dialect.name).run(connection, values)


@functools.cache
def _noting(dialect: str) -> Prepared:
    """Return the statement that makes a span, or widens one that is there and raises its ``changed``."""
    made: Any
    if dialect == "sqlite":
        made = sqlite.insert(UsageSpan)
        new = made.excluded
    else:
        from sqlalchemy.dialects import mysql  # large, and nothing for SQLite's users

        made = mysql.insert(UsageSpan)
        new = made.inserted
    again = {
        "first_id": sa.case((UsageSpan.first_id > new.first_id, new.first_id), else_=UsageSpan.first_id),
        "last_id": sa.case((UsageSpan.last_id < new.last_id, new.last_id), else_=UsageSpan.last_id),
        "changed": UsageSpan.changed + 1,
    }
    if dialect == "sqlite":
        made = made.on_conflict_do_update(index_elements=["length", "start"], set_=again)
    else:
        made = made.on_duplicate_key_update(again)
    return Prepared(made, columns=["length", "start", "month_start", "first_id", "last_id", "changed", "summed"])
