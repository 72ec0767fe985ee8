"""How many prompts an account has used in the running day and month.

A COUNT over the window grows with the window. Instead the account's newest row carries the number, so
one look into an index answers at any size of the table. docs/quotas.md explains why this stays exact
through give-backs, window edges, clock steps and a changed time zone.
"""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
import sqlalchemy.orm
from msgspec import Struct

from .aside import aside
from .calendar_windows import Calendar, Window, Windows
from .prepared import Prepared
from .recounts import remember, remembered
from .usage_log import UsageLog


class Bonus(Struct, frozen=True):
    """Prompts that an operator adds to what the plan of an account allows, up to and with the day ``until``."""

    daily: int
    monthly: int
    until: date


class Limits(Struct, frozen=True):
    """Prompts that a plan allows, and what is added to them for a time; None is unlimited."""

    daily: int | None
    monthly: int | None
    open_requests: int | None = None  # at once
    bonus: Bonus | None = None

    def on(self, today: date) -> Limits:
        """Return the limits of one day, with a bonus that has not ended added in; ``bonus`` is None in them."""
        bonus = self.bonus
        if bonus is None:
            return self
        if today > bonus.until:
            return Limits(self.daily, self.monthly, self.open_requests)
        return Limits(
            None if self.daily is None else self.daily + bonus.daily,
            None if self.monthly is None else self.monthly + bonus.monthly,
            self.open_requests,
        )


class Standing(Struct, frozen=True):
    """What an account has used of both windows at one instant."""

    moment: datetime
    windows: Windows
    day_used: int
    month_used: int
    limits: Limits
    """Those in force at the instant."""
    is_remembered: bool = False
    """Whether a number was counted some time ago, for the same newest row; it may refuse, and must not admit."""

    @property
    def day_left(self) -> int | None:
        """Prompts left today; None is unlimited."""
        return None if self.limits.daily is None else max(0, self.limits.daily - self.day_used)

    @property
    def month_left(self) -> int | None:
        """Prompts left this month; None is unlimited."""
        return None if self.limits.monthly is None else max(0, self.limits.monthly - self.month_used)

    @property
    def is_used_up(self) -> bool:
        """Tell whether one more prompt would exceed a limit."""
        return self.day_left == 0 or self.month_left == 0


class NewestRow(Struct, frozen=True):
    """The part of an account's newest row that carries its running numbers."""

    id: int
    seq: int
    started_at: datetime
    day_start: datetime
    month_start: datetime
    day_prompts: int
    month_prompts: int
    counted: bool
    latest: datetime
    """When the latest row of the account began: this one, unless rows were put in by another program."""

    def carries_on(self, moment: datetime) -> bool:
        """Tell whether admission can have written these numbers: a row that counts has counted itself."""
        is_possible = int(self.counted) <= self.day_prompts <= self.month_prompts
        return is_possible and not self.started_at < self.latest <= moment


_OTHER = sa.orm.aliased(UsageLog)
_LATEST = (
    sa.select(_OTHER.started_at)
    .where(_OTHER.account_id == UsageLog.account_id)
    .order_by(_OTHER.started_at.desc())
    .limit(sa.literal_column("1"))
    .scalar_subquery()
)
NEWEST_COLUMNS = (
    UsageLog.id,
    UsageLog.seq,
    UsageLog.started_at,
    UsageLog.day_start,
    UsageLog.month_start,
    UsageLog.day_prompts,
    UsageLog.month_prompts,
    UsageLog.counted,
    _LATEST,
)
# The unique key of (account_id, seq) leads to it in one step at any size of the table.
NEWEST = Prepared(
    sa.select(*NEWEST_COLUMNS)
    .where(UsageLog.account_id == sa.bindparam("account_id"))
    .order_by(UsageLog.seq.desc())
    .limit(sa.literal_column("1"))
)


_COUNTED = Prepared(
    sa.select(sa.func.count()).where(
        UsageLog.account_id == sa.bindparam("account_id"),
        UsageLog.started_at >= sa.bindparam("start"),
        UsageLog.started_at < sa.bindparam("end"),
        UsageLog.counted,
    )
)

_LOOK_BACK = 100  # rows: where none of a whole month counts, each admission looks
_LATE = (
    sa.select(UsageLog.counted, UsageLog.started_at)
    .where(UsageLog.account_id == sa.bindparam("account_id"))
    .order_by(UsageLog.seq.desc())
    .limit(sa.literal_column(str(_LOOK_BACK)))
    .subquery()
)
_COUNTED_LATELY = Prepared(
    sa.select(sa.func.count()).where(_LATE.c.counted, _LATE.c.started_at >= sa.bindparam("start"))
)


def newest_row(connection: sa.Connection, account_id: int) -> NewestRow | None:
    """Return the account's newest row, or None before its first request."""
    row = NEWEST.first(connection, {"account_id": account_id})
    return None if row is None else NewestRow(*row)


def prompts_counted(connection: sa.Connection, account_id: int, window: Window) -> int:
    """Count an account's prompts in a window, row by row. Slow on long windows; always right."""
    values = {"account_id": account_id, "start": window.start, "end": window.end}

    def count() -> int:
        row = _COUNTED.first(connection, values)
        assert row is not None  # noqa: S101  (a count)
        return int(row[0])

    # A million rows take SQLite most of a second; no stream of this worker waits for them.
    return aside(count) if connection.dialect.name == "sqlite" else count()


def _counted_lately(connection: sa.Connection, account_id: int, window: Window) -> bool:
    """Tell whether one of an account's last rows counts in a running window, whatever the newest row says of it."""
    row = _COUNTED_LATELY.first(connection, {"account_id": account_id, "start": window.start})
    return row is not None and row[0] > 0


def standing(
    connection: sa.Connection,
    account_id: int,
    limits: Limits,
    calendar: Calendar,
    now: datetime,
    newest: NewestRow | None,
    *,
    anew: bool = False,
) -> Standing:
    """Return what the account has used at ``now``, or at its newest row's time where that is later.

    Rows that have to be counted are counted once a minute while the newest row is the same; with ``anew`` always.

    A clock that was set back must not open an earlier window again: an account's time never runs backwards.
    What ``limits`` holds for a time is decided by that same instant.
    """
    moment = now if newest is None or newest.started_at < now else newest.started_at
    windows = calendar.at(moment)
    limits = limits.on(windows.today)
    if newest is None:
        return Standing(moment, windows, 0, 0, limits)

    carries_on = newest.carries_on(moment)
    is_remembered = False

    def counted(window: Window) -> int:
        nonlocal is_remembered
        key = (account_id, newest, window)
        known = None if anew else remembered(connection, key)
        if known is not None:
            is_remembered = True
            return known
        return remember(connection, key, lambda: prompts_counted(connection, account_id, window))

    def carried(window: Window, carried_start: datetime, carried_number: int) -> int:
        if not carries_on:
            return counted(window)
        if carried_start == window.start:
            if carried_number == 0 and _counted_lately(connection, account_id, window):
                return counted(window)
            return carried_number
        if newest.started_at < window.start:
            return 0
        # The row lies in this window but was written for another one: the time zone has changed since.
        return counted(window)

    day_used = carried(windows.day, newest.day_start, newest.day_prompts)
    month_used = carried(windows.month, newest.month_start, newest.month_prompts)
    return Standing(moment, windows, day_used, month_used, limits, is_remembered)
