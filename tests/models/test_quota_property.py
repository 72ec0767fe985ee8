"""The running numbers against counting, over whatever may happen to an account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import reservation
from models.calendar_windows import Calendar, Window
from models.quota import Limits
from models.reservation import Reserved
from models.usage_log import UsageLog
from tests.models.ledger import DONE, FAILED, NOON, Ledger

LIMITS = Limits(daily=4, monthly=9)
ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati", "America/Havana"]
NO_LIMIT = timedelta(days=400)

ADMIT = st.tuples(st.just("admit"), st.integers(0, 1))
CLOSE = st.tuples(st.sampled_from(["give back", "sweep", "settle", "mark"]), st.integers(0, 9))
steps = st.one_of(
    ADMIT,
    ADMIT,
    CLOSE,
    CLOSE,
    st.tuples(st.just("edge"), st.sampled_from(["day", "month"]), st.sampled_from([0, 1, -1])),
    st.tuples(st.just("wait"), st.sampled_from([86_400.0, 1.0, 3600.0, 0.000001, 12 * 86_400.0])),
    st.tuples(st.just("clock back"), st.sampled_from([7200.0, 0.000001, 5.0, 3 * 86_400.0])),
    st.tuples(st.just("zone"), st.sampled_from(ZONES)),
)


@dataclass(eq=False)
class Row:
    """An admitted prompt: when, and whether it counts."""

    time: datetime
    counts: bool = True


class Account:
    """What must be true of one account, kept in plain lists."""

    def __init__(self, account_id: int) -> None:
        self.id = account_id
        self.rows: list[Row] = []
        self.time: datetime = NOON - NO_LIMIT

    def used(self, window: Window) -> int:
        return sum(row.counts and row.time in window for row in self.rows)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(steps, min_size=10, max_size=30))
def test_running_numbers_equal_a_count_whatever_happens(ledger: Ledger, script: list[tuple[object, ...]]) -> None:
    ledger.storage.clock = NOON
    ledger.calendar = Calendar(ZoneInfo("UTC"))
    accounts = [Account(account_id) for account_id in ledger.add_accounts(2)]
    opened: list[tuple[Account, int, Row]] = []
    marked: set[int] = set()

    for step in script:
        now = ledger.storage.clock
        assert now is not None
        match step:
            case ("admit", int(which)):
                admit(ledger, accounts[which], opened)
            case ("settle" | "give back" | "mark" | "sweep" as what, int(which)) if opened:
                account, row_id, row = opened[which % len(opened)]
                if what == "mark":
                    assert reservation.mark(ledger.storage, row_id)
                    marked.add(row_id)
                    continue
                opened.remove((account, row_id, row))
                if what == "settle" or (what == "sweep" and row_id in marked):
                    assert reservation.settle(ledger.storage, row_id, DONE)
                elif what == "sweep":
                    assert reservation.give_back_unmarked(ledger.storage, account.id, row_id, FAILED)
                    row.counts = False
                else:
                    assert reservation.give_back(ledger.storage, account.id, row_id, FAILED)
                    row.counts = False
            case ("wait", float(seconds)):
                ledger.storage.clock = now + timedelta(seconds=seconds)
            case ("edge", "day" | "month" as name, int(offset)):
                window: Window = getattr(ledger.calendar.at(now), name)
                ledger.storage.clock = window.end + timedelta(microseconds=offset)
            case ("clock back", float(seconds)):
                ledger.storage.clock = now - timedelta(seconds=seconds)
            case ("zone", str(name)):
                ledger.calendar = Calendar(ZoneInfo(name))
        for account in accounts:
            check(ledger, account)

    numbers = ledger.storage.read(
        lambda connection: [
            list(connection.scalars(sa.select(UsageLog.seq).where(UsageLog.account_id == each.id).order_by("seq")))
            for each in accounts
        ]
    )
    assert numbers == [list(range(1, len(each.rows) + 1)) for each in accounts]


def admit(ledger: Ledger, account: Account, opened: list[tuple[Account, int, Row]]) -> None:
    """Ask for one prompt: let in exactly if the plain lists say that it fits."""
    assert ledger.storage.clock is not None
    time = max(ledger.storage.clock, account.time)
    windows = ledger.calendar.at(time)
    fits = account.used(windows.day) < (LIMITS.daily or 0) and account.used(windows.month) < (LIMITS.monthly or 0)
    decision = ledger.reserve(account.id, LIMITS)
    assert isinstance(decision, Reserved) == fits
    if isinstance(decision, Reserved):
        account.time = time
        account.rows.append(Row(time))
        opened.append((account, decision.row_id, account.rows[-1]))


def check(ledger: Ledger, account: Account) -> None:
    """The running numbers, the database's own count and the plain lists agree."""
    shown = ledger.standing(account.id, LIMITS)
    by_lists = (account.used(shown.windows.day), account.used(shown.windows.month))
    assert (shown.day_used, shown.month_used) == by_lists
    assert ledger.counted(account.id, shown.windows.day, shown.windows.month) == by_lists
