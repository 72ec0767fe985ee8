"""What is read for the usage page: days from totals and rows, and pages of single requests."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from models import engine, usage_portions, usage_rows, usage_totals
from models.calendar_windows import Calendar
from models.usage_days import used_since
from models.usage_log import UsageLog
from models.usage_rows import Page, Wanted, page_after, page_before, requests_since
from models.usage_tally import LoggedRow, Tally, milliseconds_of, step_of
from tests.models.ledger import Ledger
from tests.usage import history
from tests.usage.history import add_up

CALENDAR = Calendar(ZoneInfo("Europe/Berlin"))
START, END = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 11, tzinfo=UTC)


def test_days_are_the_same_before_while_and_after_they_are_added_up(
    ledger: Ledger, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_totals, "PORTION", 90)
    made = list(history.rows(account, CALENDAR, history.moments(START, END, 300, seed=1), seed=1))
    made[-20] = history.unclosed(made[-20], owner_id=5)
    history.write(ledger.storage, made)
    since = made[100]["day_start"]
    expected = Counter((row["day_start"], row["alias_served"]) for row in made if row["day_start"] >= since)

    def read() -> Counter[tuple[datetime, str]]:
        counts: Counter[tuple[datetime, str]] = Counter()
        for (day_start, alias, _), tally in used_since(ledger.storage, account, since).items():
            counts[day_start, alias] += tally.requests
        return counts

    assert read() == expected
    for _ in usage_totals.total_up(ledger.storage):
        assert read() == expected
    assert read() == expected
    assert sum(tally.under_way for tally in used_since(ledger.storage, account, since).values()) == 1


@pytest.mark.parametrize("is_without_log2", [False, True])
def test_rows_that_wait_are_added_up_by_the_database_as_they_would_be_one_by_one(
    ledger: Ledger, account: int, monkeypatch: pytest.MonkeyPatch, is_without_log2: bool
) -> None:
    monkeypatch.setattr(usage_portions, "PORTION", 70)
    monkeypatch.setattr(usage_portions, "PORTION_OF_SERVER", 70)
    if is_without_log2:
        monkeypatch.setattr(engine, "_HAS_LOG2", False)
        ledger.storage.let_go()  # what connects anew finds a library without it
    made = list(history.rows(account, CALENDAR, history.moments(START, END, 300, seed=3), seed=3))
    odd: list[dict[str, object]] = [
        {"first_output_ms": waited} for waited in (-1, 0, 1, 2, 3, 1023, 1024, 1025, 65_535, 2_147_483_647)
    ]
    odd += [{"status": "ok"}, {"upstream": None}, {"upstream": "east "}, {"alias_served": "smart-route "}]
    odd += [{"cost": None}, {"error_code": "rare"}, {"duration_ms": None}, {"prompt_tokens": None}]
    for row, change in zip(made[40:], odd, strict=False):
        row |= change
    made[-20] = history.unclosed(made[-20], owner_id=5)
    history.write(ledger.storage, made)
    rows = usage_totals.rows_after(ledger.storage, account, 0, 300)
    one_by_one = usage_totals.tallies_of(row for row in rows if row.day_start >= made[60]["day_start"])
    found = used_since(ledger.storage, account, made[60]["day_start"])
    for tally in (*one_by_one.values(), *found.values()):
        tally.cost = None if tally.cost is None else round(tally.cost, 9)  # no sum depends on the order but this one
    assert found == one_by_one


def test_days_that_another_program_wrote_without_a_fraction_are_there_before_and_after_they_are_added_up(
    ledger: Ledger, account: int
) -> None:
    made = list(history.rows(account, CALENDAR, [START], seed=3))
    history.write(ledger.storage, made)
    without = sa.update(UsageLog).where(UsageLog.account_id == account)
    without = without.values(day_start=sa.func.substr(UsageLog.day_start, 1, len("2026-01-01 00:00:00")))
    ledger.storage.write(lambda connection: connection.execute(without))
    for step in (lambda: None, lambda: add_up(ledger)):
        step()
        assert [day for day, _, _ in used_since(ledger.storage, account, made[0]["day_start"])] == [
            made[0]["day_start"]
        ]


def test_look_at_the_usage_ends_however_many_rows_come_meanwhile(
    ledger: Ledger, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = usage_portions.added_up
    looks = []

    def look_and_admit(*asked: Any) -> Any:
        looks.append(asked)
        assert len(looks) < 10, "it follows them"
        found = look(*asked)
        history.write(other.storage, history.rows(account, CALENDAR, [START], first_seq=len(looks) + 1, seed=4))
        return found

    other = Ledger(ledger.url, make_tables=False)
    monkeypatch.setattr(usage_portions, "added_up", look_and_admit)
    history.write(ledger.storage, history.rows(account, CALENDAR, [START], seed=4))
    found = used_since(ledger.storage, account, START - timedelta(days=1))
    other.close()
    assert sum(tally.requests for tally in found.values()) == 1


def test_account_without_rows_used_nothing(ledger: Ledger, account: int) -> None:
    assert used_since(ledger.storage, account, START) == {}
    assert page_before(ledger.storage, account, Wanted(), None, 25) == Page([], None, None)
    assert page_after(ledger.storage, account, Wanted(), 7, 25) == Page([], None, None)
    assert list(requests_since(ledger.storage, account, START)()) == []


def test_pages_of_requests_lead_through_all_of_them_and_back(
    ledger: Ledger, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_rows, "SEARCHED_AT_ONCE", 20)
    monkeypatch.setattr(usage_rows, "MOST_SEARCHED", 40)
    made = list(history.rows(account, CALENDAR, history.moments(START, END, 130, seed=2), seed=2))
    history.write(ledger.storage, made)
    for wanted in [Wanted(), Wanted(("failed", "interrupted")), Wanted(alias="smart-route"), Wanted(("open",))]:
        fitting = [
            row["seq"]
            for row in made
            if (wanted.statuses is None or row["status"] in wanted.statuses)
            and (wanted.alias is None or row["alias_served"] == wanted.alias)
        ]
        page = page_before(ledger.storage, account, wanted, None, 7)
        assert page.newer_than is None
        seen = [each.seq for each in page.requests]
        while page.older_than is not None:
            page = page_before(ledger.storage, account, wanted, page.older_than, 7)
            seen += [each.seq for each in page.requests]
        assert seen == fitting[::-1]
        back = {each.seq for each in page.requests}
        while page.newer_than is not None:
            page = page_after(ledger.storage, account, wanted, page.newer_than, 7)
            back |= {each.seq for each in page.requests}
        assert back == set(fitting)


def test_export_reads_every_request_since_an_instant_once(
    ledger: Ledger, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_rows, "EXPORTED_AT_ONCE", 30)
    made = list(history.rows(account, CALENDAR, history.moments(START, END, 100, seed=3), seed=3))
    history.write(ledger.storage, made)
    since = made[40]["started_at"]
    exported = [each.request_id for each in requests_since(ledger.storage, account, since)()]
    assert exported == [row["request_id"] for row in made if row["started_at"] >= since]


def test_median_and_p95_are_at_most_five_percent_off() -> None:
    chance = random.Random(4)
    times = sorted(round(chance.lognormvariate(6, 1)) + 5 for _ in range(2_000))
    tally = Tally()
    for number, milliseconds in enumerate(times):
        tally.add(logged(number, milliseconds))
    assert tally.first_output_ms(0.5) == pytest.approx(times[999], rel=0.05)
    assert tally.first_output_ms(0.95) == pytest.approx(times[1899], rel=0.05)
    assert Tally().first_output_ms(0.5) is None


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 9, 999, 60_000, 2**31 - 1])
def test_every_time_has_a_step_near_it(milliseconds: int) -> None:
    assert milliseconds_of(step_of(milliseconds)) == pytest.approx(max(1, milliseconds), rel=0.046, abs=0.5)


def logged(seq: int, first_output_ms: int) -> LoggedRow:
    """A completed row that took so long."""
    return LoggedRow(
        seq, seq, START + timedelta(seconds=seq), START, START, "smart-route", "east", "prompt", True, "completed",
        None, 1, 1, 0, 0, first_output_ms, first_output_ms, None,
    )  # fmt: skip


def test_rows_without_upstream_are_added_up_too(ledger: Ledger, account: int) -> None:
    made = list(history.rows(account, CALENDAR, [START], seed=1))
    history.write(ledger.storage, [{**made[0], "upstream": None}])
    add_up(ledger)
    [(_, _, upstream)] = used_since(ledger.storage, account, START - timedelta(days=1))
    assert upstream == usage_totals.NO_UPSTREAM


def test_export_does_not_step_through_the_gaps_between_numbers(ledger: Ledger, account: int) -> None:
    made = list(history.rows(account, CALENDAR, history.moments(START, END, 9, seed=7), seed=7))
    for row in made:
        row["seq"] *= 10**15
    history.write(ledger.storage, made)
    exported = [each.request_id for each in requests_since(ledger.storage, account, START)()]
    assert exported == [row["request_id"] for row in made]
