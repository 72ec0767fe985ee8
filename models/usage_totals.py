"""Totals of the usage log: what each account used on each day, by alias and upstream, added up once.

Rows of an account are numbered without gaps and never change once they are closed. So one number says what
has been added up: every row up to ``TotalledUpTo.seq`` is in the totals, every later one is not. Both change
in one transaction that names the number it started from: of two that add the same rows one does nothing. A
row belongs to the day that it was admitted in (its ``day_start``), whatever the time zone is today.

What the whole house used is added up from them: ``usage_sums``. docs/usage.md says what each figure means.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .account import Account
from .base import UtcDateTime, db
from .storage import Storage, StorageUnavailable
from .usage_figures import UsageFigures
from .usage_log import UsageLog
from .usage_sums import note_days
from .usage_tally import SUMS, LoggedRow, Tally

log = logging.getLogger("smartroute.usage")

PORTION = 500  # rows that are read at once: 3 ms of the worker's time, and 3 or more to add them up
ACCOUNTS_AT_ONCE = 200
REST_AFTER = timedelta(hours=1)  # fewer rows than a portion are added up when they are as old as this
NO_UPSTREAM = ""  # part of the key, where null would make no two rows equal

Key = tuple[datetime, str, str]
"""Start of the day, alias served, upstream."""


class UsageTotal(UsageFigures, db.Model):  # type: ignore[name-defined, misc]
    """What an account used on one day by one alias over one upstream (``NO_UPSTREAM``: none was reached)."""

    __tablename__ = "usage_totals"
    __table_args__ = (sa.Index("ix_usage_totals_day_start", "day_start"),)

    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    day_start: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    alias_served: Mapped[str] = mapped_column(sa.String(128), primary_key=True)
    upstream: Mapped[str] = mapped_column(sa.String(64), primary_key=True)


class TotalledUpTo(db.Model):  # type: ignore[name-defined, misc]
    """How far an account's rows are in the totals; no row: none is."""

    __tablename__ = "usage_totalled"

    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(sa.BigInteger)
    # Each of these rows began after the one before it, as those of admission do. Once false it stays so.
    in_order: Mapped[bool] = mapped_column(default=True, server_default=sa.true())


_FIGURES = (*SUMS, "cost", "error_codes", "first_output")
# Each of them once for a portion, however many totals it changes: on MySQL a statement is a message and its answer.
_KNOWN = sa.select(
    UsageTotal.day_start,
    UsageTotal.alias_served,
    UsageTotal.upstream,
    *(getattr(UsageTotal, name) for name in _FIGURES),
).where(
    UsageTotal.account_id == sa.bindparam("account_id"),
    UsageTotal.day_start.in_(sa.bindparam("days", expanding=True)),
)
_MAKE = sa.insert(UsageTotal.__table__)
_RAISE = (
    sa.update(UsageTotal.__table__)
    .where(
        UsageTotal.account_id == sa.bindparam("of_account"),
        UsageTotal.day_start == sa.bindparam("of_day"),
        UsageTotal.alias_served == sa.bindparam("of_alias"),
        UsageTotal.upstream == sa.bindparam("of_upstream"),
    )
    .values({name: sa.bindparam(f"new_{name}") for name in _FIGURES})
)

LOGGED: tuple[sa.ColumnElement[Any], ...] = tuple(getattr(UsageLog, name) for name in LoggedRow._fields)


def total_up(storage: Storage) -> Iterator[int]:
    """Add up what waits, of all accounts, oldest first; yield after each portion how many rows it had.

    The caller rests in between: a portion takes milliseconds, in two pieces, of which the second has the write lock.
    An account whose rows cannot be added up is passed over.

    Raises:
        StorageUnavailable: the rest waits for the next time; nothing is lost or added twice.
    """
    for account_id, totalled, newest in _accounts_behind(storage):
        try:
            yield from _total_up_account(storage, account_id, totalled, newest)
        except StorageUnavailable:
            raise
        except Exception:  # another program may have written anything into its rows
            log.exception("the usage of account %d is not added up", account_id)


def _total_up_account(storage: Storage, account_id: int, totalled: int, newest: int) -> Iterator[int]:
    while portion := _next_portion(storage, account_id, totalled, newest):
        time.sleep(0)  # other greenlets come first
        if not _add(storage, account_id, totalled, portion):
            return  # another worker is at this account
        yield len(portion)
        totalled = portion[-1].seq


def key_of(day_start: datetime, alias: str, upstream: str | None) -> Key:
    """Return the key of the total that a row belongs to."""
    # Blanks at the end make no other key on MySQL, so nowhere.
    return day_start, alias.rstrip(" "), (upstream or NO_UPSTREAM).rstrip(" ")


def tallies_of(rows: Iterable[LoggedRow]) -> dict[Key, Tally]:
    """Add rows up by day, alias and upstream."""
    tallies: dict[Key, Tally] = {}
    for row in rows:
        key = key_of(row.day_start, row.alias_served, row.upstream)
        tally = tallies.get(key)
        if tally is None:
            tally = tallies[key] = Tally()
        tally.add(row)
    return tallies


def tally_of(total: Any) -> Tally:
    """Return the tally that a row of the totals holds."""
    sums = {name: getattr(total, name) for name in SUMS}
    first_output = {int(step): rows for step, rows in json.loads(total.first_output).items()}
    return Tally(**sums, cost=total.cost, error_codes=json.loads(total.error_codes), first_output=first_output)


def values_of(tally: Tally) -> dict[str, Any]:
    """Return the columns of totals, and of sums, that hold a tally."""
    values: dict[str, Any] = {name: getattr(tally, name) for name in SUMS}
    return values | {
        "cost": tally.cost,
        "error_codes": json.dumps(tally.error_codes),
        "first_output": json.dumps(tally.first_output),
    }


def rows_after(storage: Storage, account_id: int, seq: int, at_most: int) -> list[LoggedRow]:
    """Read an account's rows after ``seq``, oldest first."""
    newer = sa.select(*LOGGED).where(UsageLog.account_id == account_id, UsageLog.seq > seq)
    newer = newer.order_by(UsageLog.seq).limit(at_most)
    return storage.read(lambda connection: [LoggedRow(*row) for row in connection.execute(newer)])


def _accounts_behind(storage: Storage) -> Iterator[tuple[int, int, int]]:
    """Yield accounts with rows that are not added up: id, number up to which they are, number of the newest."""
    newest = (
        sa.select(UsageLog.seq)
        .where(UsageLog.account_id == Account.id)
        .order_by(UsageLog.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    some = (
        sa.select(Account.id, sa.func.coalesce(TotalledUpTo.seq, 0), sa.func.coalesce(newest, 0))
        .outerjoin(TotalledUpTo, TotalledUpTo.account_id == Account.id)
        .where(Account.id > sa.bindparam("after"))
        .order_by(Account.id)
        .limit(ACCOUNTS_AT_ONCE)
    )

    def look(after: int) -> list[tuple[int, int, int]]:
        return storage.read(lambda connection: [tuple(row) for row in connection.execute(some, {"after": after})])

    found = look(0)
    while found:
        yield from (each for each in found if each[1] < each[2])
        found = look(found[-1][0])


def _next_portion(storage: Storage, account_id: int, totalled: int, newest: int) -> list[LoggedRow]:
    """Return the next rows to add up: a whole portion, or fewer that have rested; none that follows an open one."""
    if totalled >= newest:
        return []
    rested_at = storage.read(storage.now) - REST_AFTER
    if newest - totalled < PORTION:
        oldest = rows_after(storage, account_id, totalled, 1)
        if not oldest or oldest[0].started_at >= rested_at:
            return []
    closed = list(_until_unclosed(rows_after(storage, account_id, totalled, PORTION)))
    if len(closed) == PORTION:
        return closed
    return list(itertools.takewhile(lambda row: row.started_at < rested_at, closed))


def _until_unclosed(rows: Iterable[LoggedRow]) -> Iterator[LoggedRow]:
    for row in rows:
        if not row.is_closed:
            return
        yield row


def _add(storage: Storage, account_id: int, totalled: int, rows: list[LoggedRow]) -> bool:
    """Add rows to the totals; false, and nothing is done, when ``totalled`` is not the number any more."""
    tallies = tallies_of(rows)
    moved = sa.update(TotalledUpTo).where(TotalledUpTo.account_id == account_id, TotalledUpTo.seq == totalled)
    values: dict[str, Any] = {"seq": rows[-1].seq}
    if not _follow_in_time(storage, account_id, totalled, rows):
        values["in_order"] = False

    def add(connection: sa.Connection) -> bool:
        if connection.execute(moved.values(values)).rowcount == 0:
            return False
        _add_tallies(connection, account_id, tallies)
        note_days(connection, rows)
        return True

    if totalled == 0:
        _begin_account(storage, account_id)
    return storage.write(add)


def _follow_in_time(storage: Storage, account_id: int, totalled: int, rows: list[LoggedRow]) -> bool:
    """Tell whether each of the rows began after the one before it, and the first after those that are added up."""
    last = sa.select(UsageLog.started_at, UsageLog.id).where(UsageLog.account_id == account_id)
    last = last.where(UsageLog.seq <= totalled).order_by(UsageLog.seq.desc()).limit(1)
    before = storage.read(lambda connection: connection.execute(last).first()) if totalled else None
    places = [] if before is None else [tuple(before)]
    # Those of one instant are read in the order of their ids.
    places += [(row.started_at, row.id) for row in rows]
    return all(one < next_one for one, next_one in itertools.pairwise(places))


def _begin_account(storage: Storage, account_id: int) -> None:
    """Make the account's number, 0, unless it is there."""
    begin = sa.insert(TotalledUpTo).values(account_id=account_id, seq=0)
    with contextlib.suppress(sa.exc.IntegrityError):  # another worker was first
        storage.write(lambda connection: connection.execute(begin))


def _add_tallies(connection: sa.Connection, account_id: int, tallies: Mapping[Key, Tally]) -> None:
    of_these_days = {"account_id": account_id, "days": sorted({day_start for day_start, _, _ in tallies})}
    known = {key_of(*row[:3]): row for row in connection.execute(_KNOWN, of_these_days)}
    made, raised = [], []
    for key, tally in sorted(tallies.items()):
        day_start, alias, upstream = key
        if key in known:
            whole = tally_of(known[key])
            whole.merge(tally)
            total = {"of_account": account_id, "of_day": day_start}
            total |= {"of_alias": known[key].alias_served, "of_upstream": known[key].upstream}
            raised.append(total | {f"new_{name}": value for name, value in values_of(whole).items()})
        else:
            total = {"account_id": account_id, "day_start": day_start, "alias_served": alias, "upstream": upstream}
            made.append(total | values_of(tally))
    if raised:
        connection.execute(_RAISE, raised)
    if made:
        connection.execute(_MAKE, made)
