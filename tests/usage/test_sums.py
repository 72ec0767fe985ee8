"""Sums of days and months are what a plain GROUP BY over all accounts' rows says, whoever added up and when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from models import usage_summing, usage_sums, usage_totals
from models.calendar_windows import Calendar
from models.usage_log import UsageLog
from models.usage_summing import sum_up
from models.usage_sums import DAY, EVERYBODY, MONTH, UsageSpan, UsageSum
from tests.models.ledger import Ledger
from tests.usage import history
from tests.usage.history import add_up

# Days that no other test's rows lie in: sums are of all accounts.
WINTER, SPRING = datetime(2024, 1, 20, tzinfo=UTC), datetime(2024, 2, 10, tzinfo=UTC)
BERLIN = Calendar(ZoneInfo("Europe/Berlin"))


def test_sums_equal_a_group_by_over_all_accounts(ledger: Ledger) -> None:
    for number, account in enumerate(ledger.add_accounts(3)):
        times = history.moments(WINTER, SPRING, 400, seed=number)
        history.write(ledger.storage, history.rows(account, BERLIN, times, seed=number))
    add_up(ledger)
    bring_up(ledger)
    for length, start in ((DAY, UsageLog.day_start), (MONTH, UsageLog.month_start)):
        for by in ("alias", "account"):
            assert sums(ledger, length, by) == grouped(ledger, start, by), (length, by)
    assert not behind(ledger)


def test_rows_that_follow_are_summed_too_and_days_know_where_their_rows_are(ledger: Ledger, account: int) -> None:
    times = history.moments(WINTER, SPRING, 60, seed=8)
    made = list(history.rows(account, BERLIN, times, seed=8))
    for part in (made[:20], made[20:]):
        history.write(ledger.storage, part)
        add_up(ledger)
        assert behind(ledger)
        bring_up(ledger)
        assert not behind(ledger)
    assert sums(ledger, DAY, "account") == grouped(ledger, UsageLog.day_start, "account")
    outside = (
        sa.select(sa.func.count())
        .select_from(UsageLog)
        .join(UsageSpan, sa.and_(UsageSpan.length == DAY, UsageSpan.start == UsageLog.day_start))
        .where(sa.not_(UsageLog.id.between(UsageSpan.first_id, UsageSpan.last_id)))
    )
    assert ledger.storage.read(lambda connection: connection.execute(outside).scalar_one()) == 0


def test_any_number_of_workers_leave_the_same_sums(
    ledger: Ledger, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_totals, "PORTION", 10)
    history.write(ledger.storage, history.rows(account, BERLIN, history.moments(WINTER, SPRING, 200, seed=9), seed=9))
    others = [Ledger(ledger.url, make_tables=False) for _ in range(2)]

    def work(one: Ledger) -> None:
        one.storage.clock = None
        add_up(one)
        bring_up(one)

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(work, [ledger, *others]))
    for other in others:
        other.close()
    work(ledger)
    assert sums(ledger, DAY, "alias") == grouped(ledger, UsageLog.day_start, "alias")
    assert sums(ledger, MONTH, "account") == grouped(ledger, UsageLog.month_start, "account")


def test_adding_up_the_totals_of_many_lets_others_go_first(
    ledger: Ledger, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_rows = usage_summing._one_by_one
    read, rests = [0], [0]

    def counted(*asked: Any) -> Iterator[Any]:
        for row in read_rows(*asked):
            read[0] += 1
            yield row

    day = datetime(2024, 1, 10, tzinfo=UTC)
    times = history.moments(day, day + timedelta(hours=20), 900, seed=10)
    names = [f"alias-{number}" for number in range(150)]
    history.write(ledger.storage, history.rows(account, BERLIN, times, seed=10, aliases=names))
    add_up(ledger)
    monkeypatch.setattr(usage_summing, "_one_by_one", counted)
    monkeypatch.setattr(usage_summing, "time", SimpleNamespace(sleep=lambda _: rests.append(read[0])))
    bring_up(ledger)
    assert read[0] > 300, "totals of the day, and its sums for the month"
    assert max(later - before for before, later in pairwise([*rests, read[0]])) <= usage_summing.MERGED_AT_ONCE


def bring_up(ledger: Ledger) -> None:
    """Do what housekeeping does after adding rows up."""
    for _ in sum_up(ledger.storage):
        pass


def behind(ledger: Ledger) -> bool:
    """Tell whether any span has newer totals than sums."""
    wanted = sa.select(sa.func.count()).where(UsageSpan.changed > UsageSpan.summed)
    return ledger.storage.read(lambda connection: connection.execute(wanted).scalar_one()) > 0


def sums(ledger: Ledger, length: str, by: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Return what the sums of the tests' days say."""
    whose = UsageSum.account_id == EVERYBODY if by == "alias" else UsageSum.account_id != EVERYBODY
    wanted = sa.select(UsageSum.__table__).where(UsageSum.length == length, whose, UsageSum.start < SPRING)
    rows = ledger.storage.read(lambda connection: connection.execute(wanted).all())
    assert usage_sums.ANY == ""
    return {
        (row.start, *((row.alias_served, row.upstream) if by == "alias" else (row.account_id,))): (
            row.requests,
            row.counted,
            row.failed,
            row.prompt_tokens,
            row.completion_tokens,
            None if row.cost is None else pytest.approx(row.cost),
            sum(json.loads(row.error_codes).values()),
            sum(json.loads(row.first_output).values()),
        )
        for row in rows
    }


def grouped(ledger: Ledger, start: Any, by: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Return what the rows of the tests' days say."""
    keys: tuple[Any, ...] = (start, UsageLog.alias_served, sa.func.coalesce(UsageLog.upstream, ""))
    keys = keys if by == "alias" else (start, UsageLog.account_id)
    statement = (
        sa.select(
            *keys,
            sa.func.count(),
            sa.func.sum(sa.cast(UsageLog.counted, sa.Integer)),
            sa.func.sum(sa.case((UsageLog.status == "failed", 1), else_=0)),
            sa.func.coalesce(sa.func.sum(UsageLog.prompt_tokens), 0),
            sa.func.coalesce(sa.func.sum(UsageLog.completion_tokens), 0),
            sa.func.sum(UsageLog.cost),
            sa.func.count(UsageLog.error_code),
            sa.func.count(UsageLog.first_output_ms),
        )
        .where(start < SPRING)
        .group_by(*keys)
    )
    rows = ledger.storage.read(lambda connection: connection.execute(statement).all())
    return {tuple(row[: len(keys)]): tuple(row[len(keys) :]) for row in rows}
