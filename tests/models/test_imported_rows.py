"""Rows that another program put into the usage log: admission counts them, whatever their running numbers say."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from models import quota, reservation
from models.calendar_windows import Window
from models.continuation import Step
from models.quota import Limits, prompts_counted
from models.reservation import QuotaUsedUp, Reserved
from models.usage_log import UsageLog
from tests.models.ledger import FAILED, NOON, Ledger

MIDNIGHT = NOON.replace(hour=0)
FIRST = MIDNIGHT.replace(day=1)


def put_in(ledger: Ledger, account: int, moments: list[datetime], *, after: int = 0, **other: Any) -> None:
    """Insert prompts that count, numbered in the order given; running numbers are 0 unless told."""
    rows = [
        {
            "account_id": account,
            "seq": seq,
            "request_id": f"import-{account}-{seq}",
            "kind": "prompt",
            "counted": True,
            "reason": "output",
            "status": "completed",
            "started_at": moment,
            "day_start": moment.replace(hour=0, minute=0),
            "month_start": moment.replace(day=1, hour=0, minute=0),
            "day_prompts": 0,
            "month_prompts": 0,
            "endpoint": "chat/completions",
            "alias_served": "smart-route",
            "attempts": 1,
            "tokens_estimated": False,
            **other,
        }
        for seq, moment in enumerate(moments, after + 1)
    ]
    ledger.storage.write(lambda connection: connection.execute(sa.insert(UsageLog), rows))


def admitted(ledger: Ledger, account: int) -> tuple[int, int]:
    """Reserve one; give the numbers with it counted."""
    decision = ledger.reserve(account)
    assert isinstance(decision, Reserved)
    return decision.standing.day_used, decision.standing.month_used


def hours_ago(*hours: int) -> list[datetime]:
    return [NOON - timedelta(hours=hour) for hour in hours]


def test_rows_without_running_numbers_are_counted(ledger: Ledger, account: int) -> None:
    put_in(ledger, account, hours_ago(72, 48, 3, 2, 1))
    assert ledger.used(account) == (3, 5)
    assert admitted(ledger, account) == (4, 6)
    assert admitted(ledger, account) == (5, 7)


def test_rows_in_no_order_of_time_are_counted(ledger: Ledger, account: int) -> None:
    put_in(ledger, account, hours_ago(1, 3, 24 * 40, 2, 24 * 30), day_prompts=1, month_prompts=1)
    assert admitted(ledger, account) == (4, 4)
    assert admitted(ledger, account) == (5, 5)


def test_older_rows_put_in_after_newer_ones_are_counted(ledger: Ledger, account: int) -> None:
    for _ in range(3):
        ledger.admit(account)
    put_in(ledger, account, hours_ago(30, 1), after=3, day_prompts=1, month_prompts=1)
    assert admitted(ledger, account) == (5, 6)
    assert admitted(ledger, account) == (6, 7)


def test_quota_that_imported_rows_use_up_is_used_up(ledger: Ledger, account: int) -> None:
    put_in(ledger, account, hours_ago(5, 4, 3))
    assert isinstance(ledger.reserve(account, Limits(daily=3, monthly=None)), QuotaUsedUp)


def test_quota_that_is_used_up_stays_so_behind_imported_rows_that_do_not_count(ledger: Ledger, account: int) -> None:
    put_in(ledger, account, hours_ago(5, 4, 3))
    put_in(ledger, account, hours_ago(2, 1), after=3, counted=False, status="failed", reason="no_output")
    assert ledger.used(account) == (3, 3)
    assert isinstance(ledger.reserve(account, Limits(daily=3, monthly=None)), QuotaUsedUp)


def test_prompt_given_back_behind_imported_rows_is_given_back_once(ledger: Ledger, account: int) -> None:
    row_ids = [ledger.admit(account) for _ in range(3)]
    put_in(ledger, account, hours_ago(0, 0), after=3, counted=False, status="failed", reason="no_output")
    assert reservation.give_back(ledger.storage, account, row_ids[0], FAILED)
    assert ledger.used(account) == (2, 2)
    assert admitted(ledger, account) == (3, 3)


@pytest.mark.parametrize("number", [1, 2])
def test_rows_of_windows_that_the_service_has_not_are_counted(ledger: Ledger, account: int, number: int) -> None:
    elsewhere = FIRST - timedelta(hours=1)
    numbers = {"day_prompts": number, "month_prompts": number}
    put_in(ledger, account, hours_ago(50, 2), day_start=elsewhere, month_start=elsewhere, **numbers)
    assert admitted(ledger, account) == (2, 3)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The accounts whose rows were counted, once for each count."""
    accounts: list[int] = []

    def count(connection: sa.Connection, account_id: int, window: Window) -> int:
        accounts.append(account_id)
        return prompts_counted(connection, account_id, window)

    monkeypatch.setattr(quota, "prompts_counted", count)
    return accounts


def test_refusals_behind_imported_rows_do_not_count_them_each_time(
    ledger: Ledger, account: int, counts: list[int]
) -> None:
    put_in(ledger, account, hours_ago(5, 4, 3))
    for _ in range(3):
        assert isinstance(ledger.reserve(account, Limits(daily=3, monthly=None)), QuotaUsedUp)
        assert ledger.used(account) == (3, 3)
    assert len(counts) == 2  # the day, the month


def test_refusals_of_tool_results_behind_imported_rows_do_not_count_them_either(
    ledger: Ledger, account: int, counts: list[int]
) -> None:
    put_in(ledger, account, hours_ago(5, 4, 3))
    late = msgspec.structs.replace(ledger.request(account), continues=Step("a_turn_long_over", 1))
    for _ in range(3):
        refused = reservation.reserve(ledger.storage, late, Limits(daily=3, monthly=None), ledger.calendar, owner_id=1)
        assert isinstance(refused, QuotaUsedUp)
    assert len(counts) == 2


def test_what_is_admitted_behind_imported_rows_is_counted_anew(ledger: Ledger, account: int, counts: list[int]) -> None:
    put_in(ledger, account, hours_ago(5, 4, 3))
    assert ledger.used(account) == (3, 3)
    assert admitted(ledger, account) == (4, 4)
    assert len(counts) == 4
    assert admitted(ledger, account) == (5, 5)
    assert len(counts) == 4


def test_refused_account_notices_more_imported_rows_and_given_back_ones(ledger: Ledger, account: int) -> None:
    row_id = ledger.admit(account)
    put_in(ledger, account, hours_ago(3, 2), after=1)
    assert isinstance(ledger.reserve(account, Limits(daily=3, monthly=None)), QuotaUsedUp)
    put_in(ledger, account, hours_ago(1), after=3)
    assert ledger.used(account) == (4, 4)
    assert reservation.give_back(ledger.storage, account, row_id, FAILED)
    assert ledger.used(account) == (3, 3)
    assert admitted(ledger, account) == (4, 4)
