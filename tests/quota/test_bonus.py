"""Prompts on top of the plan's, until a day: at its edges, beside the month's numbers, and for many at once."""

from __future__ import annotations

import json
import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from models.calendar_windows import Calendar
from models.quota import Bonus, Limits
from models.reservation import QuotaUsedUp, Reserved
from tests.conftest import GatewayFactory
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway

# The ledger: the model layer on both databases, with a clock that the test sets.
from tests.models.conftest import account as account
from tests.models.conftest import ledger as ledger
from tests.models.conftest import shared_ledger as shared_ledger
from tests.models.ledger import Ledger
from tests.quota.crowd import Crowd

TODAY = date(2026, 3, 10)
SMALL = """
[[upstreams]]
name = "east"
base_url = "{demo}"

[[profiles]]
alias = "smart-route-mini"
routes = [{{ upstream = "east", model = "demo-model" }}]

[[plans]]
slug = "free"
profile = "smart-route-mini"
daily = 2
monthly = 100
"""
TWO_MORE = Limits(daily=1, monthly=100, bonus=Bonus(daily=2, monthly=0, until=TODAY))


def admitted(ledger: Ledger, account: int, limits: Limits, tries: int) -> int:
    """How many of so many requests, one after the other, fit."""
    return sum(isinstance(ledger.reserve(account, limits), Reserved) for _ in range(tries))


def test_bonus_is_added_to_what_the_plan_allows(ledger: Ledger, account: int) -> None:
    assert admitted(ledger, account, TWO_MORE, 5) == 3
    refused = ledger.reserve(account, TWO_MORE)
    assert isinstance(refused, QuotaUsedUp)
    assert (refused.standing.limits.daily, refused.standing.limits.monthly) == (3, 100)


def test_bonus_holds_to_the_last_moment_of_its_day_and_no_longer(ledger: Ledger, account: int) -> None:
    midnight = datetime(2026, 3, 11, tzinfo=UTC)
    ledger.storage.clock = midnight - timedelta(microseconds=1)
    assert ledger.standing(account, TWO_MORE).limits.daily == 3
    assert admitted(ledger, account, TWO_MORE, 4) == 3
    ledger.storage.clock = midnight
    assert ledger.standing(account, TWO_MORE).limits.daily == 1
    assert admitted(ledger, account, TWO_MORE, 4) == 1


def test_last_day_ends_at_midnight_of_the_service_s_zone(ledger: Ledger, account: int) -> None:
    ledger.calendar = Calendar(ZoneInfo("America/New_York"))  # four hours behind in March
    ledger.storage.clock = datetime(2026, 3, 11, 3, 59, 59, tzinfo=UTC)
    assert admitted(ledger, account, TWO_MORE, 4) == 3
    ledger.storage.clock = datetime(2026, 3, 11, 4, tzinfo=UTC)
    assert admitted(ledger, account, TWO_MORE, 4) == 1


def test_month_counts_on_when_its_bonus_ends_within_it(ledger: Ledger, account: int) -> None:
    limits = Limits(daily=None, monthly=3, bonus=Bonus(daily=0, monthly=4, until=TODAY))
    rows = [ledger.admit(account, limits) for _ in range(5)]
    ledger.storage.clock = datetime(2026, 3, 11, 12, tzinfo=UTC)
    after = ledger.standing(account, limits)
    assert (after.month_used, after.month_left, after.limits.monthly) == (5, 0, 3)
    assert isinstance(ledger.reserve(account, limits), QuotaUsedUp)
    [counted] = ledger.counted(account, after.windows.month)
    assert counted == after.month_used == len(rows)
    ledger.storage.clock = datetime(2026, 4, 1, tzinfo=UTC)
    assert admitted(ledger, account, limits, 5) == 3


def test_daily_bonus_lifts_no_month(ledger: Ledger, account: int) -> None:
    assert admitted(ledger, account, Limits(1, 2, bonus=Bonus(daily=9, monthly=0, until=TODAY)), 5) == 2


def test_unlimited_window_stays_unlimited(ledger: Ledger, account: int) -> None:
    limits = Limits(None, None, bonus=Bonus(daily=1, monthly=1, until=TODAY))
    standing = ledger.standing(account, limits)
    assert (standing.limits.daily, standing.limits.monthly, standing.is_used_up) == (None, None, False)


def test_clock_that_was_set_back_opens_an_ended_bonus_no_more(ledger: Ledger, account: int) -> None:
    ledger.storage.clock = datetime(2026, 3, 11, 0, 0, 1, tzinfo=UTC)
    assert admitted(ledger, account, TWO_MORE, 3) == 1
    ledger.storage.clock = datetime(2026, 3, 10, 23, 59, 59, tzinfo=UTC)
    assert admitted(ledger, account, TWO_MORE, 3) == 0


@pytest.mark.parametrize(("clock", "fit"), [("2026-03-10T23:59:59+00:00", 7), ("2026-03-11T00:00:00+00:00", 2)])
def test_of_many_at_once_exactly_the_limit_in_force_is_admitted(
    ledger: Ledger, account: int, clock: str, fit: int
) -> None:
    ledger.storage.clock = datetime.fromisoformat(clock)
    limits = Limits(daily=2, monthly=None, bonus=Bonus(daily=5, monthly=0, until=TODAY))
    outcomes: list[object] = []
    threads = [threading.Thread(target=lambda: outcomes.append(ledger.reserve(account, limits))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(outcomes) == 12
    assert sum(isinstance(each, Reserved) for each in outcomes) == fit
    assert ledger.used(account) == (fit, fit)


def usage(gateway: Gateway, token: str) -> tuple[Any, Any, str]:
    """Limit and rest of the day, and the limit of the headers."""
    answer = requests.get(f"{gateway.api}/usage", headers={"Authorization": f"Bearer {token}"}, timeout=20)
    day = answer.json()["day"]
    return day["limit"], day["left"], answer.headers["x-ratelimit-limit-requests"]


def test_crowd_gets_plan_and_bonus_exactly_until_it_is_removed(gateway_factory: GatewayFactory, demo: Demo) -> None:
    gateway = gateway_factory("mariadb", workers=2, config=SMALL.format(demo=demo.base_url))
    account = gateway.account()
    token, email = account["token"], account["email"]
    assert usage(gateway, token) == (2, 2, "2")
    done = gateway.flask("accounts", "bonus", email, "--daily", "3", "--until", "2100-12-31", "--json")
    assert json.loads(done.stdout)["bonus"]["daily"] == 3
    assert usage(gateway, token) == (5, 5, "5")
    with Crowd(gateway.api, token) as crowd:
        crowd.send([("[[tokens 2]]", number % 2 == 0) for number in range(12)])
        crowd.wait(60)
        answers = crowd.answers
    assert Counter(answer.status for answer in answers) == {200: 5, 429: 7}
    refused = next(answer for answer in answers if answer.status == 429)
    assert "5 of 5 today, 5 of 100 this month" in refused.json()["error"]["message"]
    gateway.flask("accounts", "bonus", email, "--remove")
    assert usage(gateway, token) == (2, 0, "2")
