"""Totals are what a plain GROUP BY over the rows says, whatever happened meanwhile and whoever added up."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from models import reservation, usage_totals
from models import usage_log as log
from models.calendar_windows import Calendar
from models.reservation import Outcome
from models.usage_log import UsageLog
from models.usage_totals import TotalledUpTo, UsageTotal
from service.process.worker import Housekeeping, Worker
from tests.models.ledger import NOON, Ledger
from tests.usage import history
from tests.usage.history import add_up

UTC_CALENDAR = Calendar(ZoneInfo("UTC"))
SPRING, SUMMER = datetime(2026, 3, 25, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC)  # clocks change on 29 March


def test_totals_equal_a_group_by_in_zones_whose_clocks_change(ledger: Ledger) -> None:
    for number, zone in enumerate(["UTC", "Europe/Berlin", "Pacific/Auckland", "America/Sao_Paulo"]):
        [account] = ledger.add_accounts(1)
        times = history.moments(SPRING, SUMMER, 1_300, seed=number)
        history.write(ledger.storage, history.rows(account, Calendar(ZoneInfo(zone)), times, seed=number))
        add_up(ledger)
        assert totals(ledger, account) == grouped(ledger, account)
        assert totalled_up_to(ledger, account) == 1_300


def test_rows_after_a_change_of_the_time_zone_belong_to_the_days_that_they_were_admitted_in(
    ledger: Ledger, account: int
) -> None:
    times = history.moments(SPRING, SUMMER, 400, seed=5)
    before = history.rows(account, UTC_CALENDAR, times[:150], seed=5)
    after = history.rows(account, Calendar(ZoneInfo("Asia/Tokyo")), times[150:], first_seq=151, seed=6)
    history.write(ledger.storage, before)
    add_up(ledger)
    history.write(ledger.storage, after)
    add_up(ledger)
    assert totals(ledger, account) == grouped(ledger, account)


def test_rows_wait_behind_one_that_is_open_and_follow_when_it_is_given_back(
    ledger: Ledger, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_totals, "PORTION", 7)
    made = list(history.rows(account, UTC_CALENDAR, history.moments(SPRING, SUMMER, 60, seed=7), seed=7))
    made[30] = history.unclosed(made[30], owner_id=4)
    history.write(ledger.storage, made)
    add_up(ledger)
    assert totalled_up_to(ledger, account) == 30
    is_open = sa.select(UsageLog.id).where(UsageLog.account_id == account, UsageLog.seq == 31)
    row_id = ledger.storage.read(lambda connection: connection.execute(is_open).scalar_one())
    late = Outcome(status=log.FAILED, error_code="upstream_timeout", upstream="east", attempts=1)
    assert reservation.give_back(ledger.storage, account, row_id, late)
    add_up(ledger)
    assert totalled_up_to(ledger, account) == 60
    assert totals(ledger, account) == grouped(ledger, account)


def test_any_number_of_workers_add_each_row_once(ledger: Ledger, account: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_totals, "PORTION", 10)
    history.write(
        ledger.storage, history.rows(account, UTC_CALENDAR, history.moments(SPRING, SUMMER, 400, seed=8), seed=8)
    )
    others = [Ledger(ledger.url, make_tables=False) for _ in range(3)]
    for other in others:
        other.storage.clock = None
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add_up, [ledger, *others]))
    for other in others:
        other.close()
    add_up(ledger)
    assert totals(ledger, account) == grouped(ledger, account)


def test_random_admissions_endings_and_rounds_leave_exact_totals(
    ledger: Ledger, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_totals, "PORTION", 5)
    chance = random.Random(9)
    ledger.storage.clock = NOON
    ledger.calendar = Calendar(ZoneInfo("Europe/Berlin"))
    under_way: list[int] = []
    for _ in range(150):
        step = chance.choice(["admit", "admit", "end", "end", "wait", "round", "midnight", "back"])
        if step == "admit":
            under_way.append(ledger.admit(account))
        elif step == "end" and under_way:
            end(ledger, account, under_way.pop(chance.randrange(len(under_way))), chance)
        elif step == "wait":
            ledger.storage.clock += timedelta(minutes=chance.uniform(1, 300))
        elif step == "midnight":
            ledger.storage.clock = ledger.calendar.at(ledger.storage.clock).day.end
        elif step == "back":
            ledger.storage.clock -= timedelta(minutes=90)
        elif step == "round":
            add_up(ledger)
            assert totals(ledger, account) == grouped(ledger, account, up_to=totalled_up_to(ledger, account) or 0)
    for row_id in under_way:
        end(ledger, account, row_id, chance)
    ledger.storage.clock += timedelta(days=2)
    add_up(ledger)
    assert totals(ledger, account) == grouped(ledger, account)


def test_fewer_rows_than_a_portion_wait_until_they_have_rested(ledger: Ledger, account: int) -> None:
    ledger.storage.clock = NOON
    end(ledger, account, ledger.admit(account), random.Random(1))
    ledger.storage.clock = NOON + usage_totals.REST_AFTER
    add_up(ledger)
    assert totalled_up_to(ledger, account) is None
    ledger.storage.clock += timedelta(seconds=1)
    add_up(ledger)
    assert totalled_up_to(ledger, account) == 1


def test_full_portion_of_the_running_hour_does_not_wait(
    ledger: Ledger, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_totals, "PORTION", 3)
    ledger.storage.clock = NOON
    for _ in range(5):
        end(ledger, account, ledger.admit(account), random.Random(2))
    add_up(ledger)
    assert totalled_up_to(ledger, account) == 3


def test_housekeeping_adds_up_what_has_waited_since_the_service_was_down(ledger: Ledger, account: int) -> None:
    times = history.moments(SPRING, SUMMER, 200, seed=10)
    history.write(ledger.storage, history.rows(account, UTC_CALENDAR, times, seed=10))
    Housekeeping(Worker(ledger.storage), ledger.storage).total_usage()
    assert totals(ledger, account) == grouped(ledger, account)


def test_rows_in_another_order_than_that_of_time_are_all_added_up(ledger: Ledger, account: int) -> None:
    times = [NOON - timedelta(hours=hours) for hours in (50, 0.5, 49)]
    history.write(ledger.storage, history.rows(account, UTC_CALENDAR, times, seed=12))
    ledger.storage.clock = NOON
    add_up(ledger)
    assert totalled_up_to(ledger, account) == 1, "what follows a row of the running hour waits for it"
    ledger.storage.clock = NOON + timedelta(days=1)
    add_up(ledger)
    assert totals(ledger, account) == grouped(ledger, account)


def test_closed_row_of_an_unknown_status_counts_as_failed(ledger: Ledger, account: int) -> None:
    made = list(history.rows(account, UTC_CALENDAR, history.moments(SPRING, SUMMER, 20, seed=13), seed=13))
    history.write(ledger.storage, [row | {"status": "done"} for row in made])
    add_up(ledger)
    assert sum(figures[COMPARED.index("failed")] for figures in totals(ledger, account).values()) == 20


def test_account_whose_rows_cannot_be_added_up_keeps_no_other_waiting(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = ledger.add_accounts(2)
    times = history.moments(SPRING, SUMMER, 20, seed=14)
    for account in (first, second):
        history.write(ledger.storage, history.rows(account, UTC_CALENDAR, times, seed=14))
    real = usage_totals.rows_after

    def broken(storage: Any, account_id: int, *arguments: Any) -> Any:
        if account_id == first:
            raise TypeError("a text where a number should be")
        return real(storage, account_id, *arguments)

    monkeypatch.setattr(usage_totals, "rows_after", broken)
    add_up(ledger)
    assert totalled_up_to(ledger, first) is None
    assert totals(ledger, second) == grouped(ledger, second)


def test_blanks_at_the_end_of_a_name_make_no_other_total(ledger: Ledger, account: int) -> None:
    made = list(history.rows(account, UTC_CALENDAR, [NOON, NOON], aliases=["a"], seed=15))
    history.write(ledger.storage, [made[0], made[1] | {"alias_served": "a  "}])
    add_up(ledger)
    assert {alias for _, alias, _ in totals(ledger, account)} == {"a"}


def test_total_with_a_blank_at_the_end_of_its_name_goes_on(ledger: Ledger, account: int) -> None:
    history.write(ledger.storage, history.rows(account, UTC_CALENDAR, [NOON], aliases=["a"], seed=15))
    add_up(ledger)
    blank = sa.update(UsageTotal).where(UsageTotal.account_id == account).values(alias_served="a ")
    ledger.storage.write(lambda connection: connection.execute(blank))
    history.write(ledger.storage, history.rows(account, UTC_CALENDAR, [NOON], first_seq=2, aliases=["a"], seed=15))
    add_up(ledger)
    asked = sa.select(UsageTotal.requests).where(UsageTotal.account_id == account)
    assert ledger.storage.read(lambda connection: list(connection.scalars(asked))) == [2]


def test_totals_stay_when_the_rows_are_pruned(ledger: Ledger, account: int) -> None:
    times = history.moments(SPRING, SUMMER, 50, seed=11)
    history.write(ledger.storage, history.rows(account, UTC_CALENDAR, times, seed=11))
    add_up(ledger)
    before = totals(ledger, account)
    pruned = sa.delete(UsageLog).where(UsageLog.account_id == account, UsageLog.seq < 50)
    ledger.storage.write(lambda connection: connection.execute(pruned))
    add_up(ledger)
    assert totals(ledger, account) == before


# -- what the tests ask -------------------------------------------------------------------------------------------


def end(ledger: Ledger, account: int, row_id: int, chance: random.Random) -> None:
    outcome = Outcome(
        status=chance.choice([log.COMPLETED, log.CANCELLED, log.INTERRUPTED]),
        upstream=chance.choice(["east", None]),
        prompt_tokens=chance.randrange(1000),
        completion_tokens=chance.choice([None, 12]),
        first_output_ms=chance.randrange(5000),
        duration_ms=chance.randrange(9000),
    )
    if chance.random() < 0.3:
        failed = Outcome(status=log.FAILED, error_code="upstream_error")
        reservation.give_back(ledger.storage, account, row_id, failed)
    else:
        reservation.settle(ledger.storage, row_id, outcome)


def totalled_up_to(ledger: Ledger, account: int) -> int | None:
    number = sa.select(TotalledUpTo.seq).where(TotalledUpTo.account_id == account)
    return ledger.storage.read(lambda connection: connection.scalar(number))


COMPARED = [
    "requests", "prompts", "continuations", "counted", "completed", "interrupted", "cancelled", "failed",
    "prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "duration_ms", "timed",
]  # fmt: skip


def totals(ledger: Ledger, account: int) -> dict[Any, Any]:
    """What the totals say, by day, alias and upstream."""
    rows = sa.select(UsageTotal.__table__).where(UsageTotal.account_id == account)
    found = ledger.storage.read(lambda connection: connection.execute(rows).all())
    return {
        (row.day_start, row.alias_served, row.upstream): (
            *[getattr(row, name) for name in COMPARED],
            None if row.cost is None else pytest.approx(row.cost),
            sum(json.loads(row.error_codes).values()),
            sum(json.loads(row.first_output).values()),
        )
        for row in found
    }


def grouped(ledger: Ledger, account: int, up_to: int | None = None) -> dict[Any, Any]:
    """What the database says of the rows themselves."""

    def those(condition: Any) -> sa.ColumnElement[int]:
        return sa.cast(sa.func.sum(sa.case((condition, 1), else_=0)), sa.Integer)

    def summed(column: Any) -> sa.ColumnElement[int]:
        return sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.Integer)

    upstream = sa.func.coalesce(UsageLog.upstream, "")
    statement = (
        sa.select(
            UsageLog.day_start,
            UsageLog.alias_served,
            upstream,
            sa.func.count(),
            those(UsageLog.kind == "prompt"),
            those(UsageLog.kind == "continuation"),
            those(UsageLog.counted),
            *[those(UsageLog.status == status) for status in ("completed", "interrupted", "cancelled", "failed")],
            summed(UsageLog.prompt_tokens),
            summed(UsageLog.completion_tokens),
            summed(UsageLog.cached_tokens),
            summed(UsageLog.reasoning_tokens),
            summed(UsageLog.duration_ms),
            sa.func.count(UsageLog.duration_ms),
            sa.func.sum(UsageLog.cost),
            sa.func.count(UsageLog.error_code),
            sa.func.count(UsageLog.first_output_ms),
        )
        .where(UsageLog.account_id == account, UsageLog.seq <= (2**31 if up_to is None else up_to))
        .group_by(UsageLog.day_start, UsageLog.alias_served, upstream)
    )
    found = ledger.storage.read(lambda connection: connection.execute(statement).all())
    return {tuple(row[:3]): tuple(row[3:]) for row in found}
