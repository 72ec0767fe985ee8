"""Old rows go, what was computed from them stays; what quotas, turns and totals still need is never deleted."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from catalog.model import Retention
from models import leftovers, stored_response, usage_pruning, usage_summing
from models.calendar_windows import Calendar
from models.stored_response import Kept
from models.usage_days import used_since
from models.usage_log import UsageLog
from models.usage_sums import MONTH, UsageSum, note_change
from models.usage_totals import UsageTotal
from service.database.retention import Upkeep
from tests.models.ledger import Ledger
from tests.usage import history
from tests.usage.history import add_up

UTC_CALENDAR = Calendar(ZoneInfo("UTC"))
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def ledger(shared_ledger: Ledger) -> Ledger:
    """A ledger on 10 March 2026."""
    shared_ledger.storage.clock = NOW
    return shared_ledger


def upkeep(ledger: Ledger, **settings: Any) -> Upkeep:
    return Upkeep(ledger.storage, ledger.calendar, Retention(**settings))


def fill(ledger: Ledger, account: int, start: datetime = BEGIN, end: datetime = NOW, rows: int = 500) -> None:
    """Write closed rows and add them up."""
    times = history.moments(start, end, rows, seed=account)
    history.write(ledger.storage, history.rows(account, UTC_CALENDAR, times, seed=account))
    add_up(ledger)


def seqs(ledger: Ledger, account: int) -> list[int]:
    rows = sa.select(UsageLog.seq).where(UsageLog.account_id == account).order_by(UsageLog.seq)
    return ledger.storage.read(lambda connection: list(connection.scalars(rows)))


def times(ledger: Ledger, account: int) -> list[datetime]:
    rows = sa.select(UsageLog.started_at).where(UsageLog.account_id == account).order_by(UsageLog.seq)
    return ledger.storage.read(lambda connection: list(connection.scalars(rows)))


def requests_of_months(ledger: Ledger, account: int) -> dict[datetime, int]:
    sums = sa.select(UsageSum.start, UsageSum.requests)
    sums = sums.where(UsageSum.length == MONTH, UsageSum.account_id == account)
    return ledger.storage.read(lambda connection: {row.start: row.requests for row in connection.execute(sums)})


def prune(ledger: Ledger, before: datetime) -> int:
    return sum(usage_pruning.prune_log(ledger.storage, before))


def test_old_rows_go_and_every_figure_of_their_days_stays(ledger: Ledger, account: int) -> None:
    fill(ledger, account)
    before = used_since(ledger.storage, account, BEGIN)
    cutoff = datetime(2025, 9, 1, tzinfo=UTC)
    old = sum(each < cutoff for each in times(ledger, account))
    assert prune(ledger, cutoff) >= old > 100
    assert min(times(ledger, account)) >= cutoff
    assert used_since(ledger.storage, account, BEGIN) == before


def test_dry_run_counts_what_goes(ledger: Ledger, account: int) -> None:
    fill(ledger, account)
    cutoff = datetime(2025, 9, 1, tzinfo=UTC)
    expected = usage_pruning.prunable(ledger.storage, cutoff)
    assert prune(ledger, cutoff) == expected > 100
    assert usage_pruning.prunable(ledger.storage, cutoff) == 0


def test_old_rows_that_were_put_in_after_newer_ones_go(ledger: Ledger, account: int) -> None:
    moments = [*history.moments(NOW - timedelta(days=20), NOW, 30, seed=5), *history.moments(BEGIN, NOW, 300, seed=6)]
    random.Random(7).shuffle(moments)
    moments[0] = moments[-1] = NOW - timedelta(days=1)
    history.write(ledger.storage, history.rows(account, UTC_CALENDAR, moments, seed=8))
    add_up(ledger)
    before = used_since(ledger.storage, account, BEGIN)
    cutoff = datetime(2025, 9, 1, tzinfo=UTC)
    old = sum(each < cutoff for each in moments)
    assert usage_pruning.prunable(ledger.storage, cutoff) == old > 100
    assert prune(ledger, cutoff) == old
    assert sorted(times(ledger, account)) == sorted(each for each in moments if each >= cutoff)
    assert used_since(ledger.storage, account, BEGIN) == before


def test_newest_row_of_an_account_stays_however_old_and_keeps_the_quota_exact(ledger: Ledger, account: int) -> None:
    ledger.storage.clock = NOW - timedelta(days=300)
    for _ in range(5):
        ledger.admit(account)
    ledger.forget_owners()
    ledger.storage.clock = NOW
    add_up(ledger)
    prune(ledger, NOW - timedelta(days=100))
    assert seqs(ledger, account) == [5]
    ledger.admit(account)
    assert seqs(ledger, account) == [5, 6]
    assert ledger.used(account) == (1, 1)


def test_row_that_is_in_no_total_stays(ledger: Ledger, account: int) -> None:
    made = list(history.rows(account, UTC_CALENDAR, history.moments(BEGIN, NOW, 40, seed=3), seed=3))
    made[10] = history.unclosed(made[10], owner_id=4)
    history.write(ledger.storage, made)
    add_up(ledger)
    prune(ledger, NOW)
    assert seqs(ledger, account) == list(range(11, 41))
    ledger.forget_owners()


def test_row_of_a_turn_that_still_goes_on_stays(ledger: Ledger, account: int) -> None:
    made = list(
        history.rows(account, UTC_CALENDAR, history.moments(BEGIN, NOW - timedelta(days=90), 20, seed=4), seed=4)
    )
    made[3]["turn"] = made[19]["turn"] = f"turn-{account}"
    made[19]["started_at"] = NOW - timedelta(hours=23)
    history.write(ledger.storage, made)
    add_up(ledger)
    prune(ledger, NOW - timedelta(days=2))
    assert seqs(ledger, account) == [4, 20]
    ledger.storage.clock = NOW + timedelta(days=2)
    prune(ledger, NOW - timedelta(days=2))
    assert seqs(ledger, account) == [20]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
def test_running_month_is_out_of_reach_in_any_time_zone(ledger: Ledger, zone: str) -> None:
    keeping = Upkeep(ledger.storage, Calendar(ZoneInfo(zone)), Retention())
    for day in (date(2026, 3, 10), date(2030, 1, 1), date(2026, 3, 1)):
        cutoff = keeping.cutoff(day)
        for other in ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"):
            assert cutoff < Calendar(ZoneInfo(other)).at(NOW).month.start


def test_first_of_a_month_keeps_what_yesterday_may_be_continued(ledger: Ledger) -> None:
    ledger.storage.clock = datetime(2026, 3, 1, 0, 10, tzinfo=UTC)
    assert upkeep(ledger).cutoff(date(2026, 3, 1)) <= ledger.storage.clock - timedelta(hours=24)


def test_housekeeping_keeps_the_days_that_the_catalog_says(ledger: Ledger, account: int) -> None:
    fill(ledger, account)
    keeping = upkeep(ledger, usage_log_days=100, usage_totals_days=200)
    list(keeping.go_round())
    assert min(times(ledger, account)) >= NOW - timedelta(days=101)
    days = sa.select(sa.func.min(UsageTotal.day_start))
    oldest = ledger.storage.read(lambda connection: connection.scalar(days))
    assert oldest is not None
    # 200 days ago was 22 August: what was used in that month is kept whole.
    assert datetime(2025, 8, 1, tzinfo=UTC) <= oldest < datetime(2025, 8, 5, tzinfo=UTC)


def test_sums_of_a_month_go_with_the_last_of_its_days(ledger: Ledger, account: int) -> None:
    fill(ledger, account)
    list(usage_summing.sum_up(ledger.storage))
    before = requests_of_months(ledger, account)
    list(upkeep(ledger, usage_log_days=100, usage_totals_days=200).go_round())
    august = datetime(2025, 8, 1, tzinfo=UTC)
    assert requests_of_months(ledger, account) == {month: n for month, n in before.items() if month >= august}
    # A late row has its month added up anew, from the days that are there.
    ledger.storage.write(lambda connection: note_change(connection, MONTH, august, august))
    list(usage_summing.sum_up(ledger.storage))
    assert requests_of_months(ledger, account)[august] == before[august] > 10


def test_zero_days_keep_everything(ledger: Ledger, account: int) -> None:
    fill(ledger, account, rows=50)
    list(upkeep(ledger, usage_log_days=0, usage_totals_days=0).go_round())
    assert len(seqs(ledger, account)) == 50


def test_totals_stay_as_long_as_the_rows_that_they_lead_to(ledger: Ledger, account: int) -> None:
    fill(ledger, account, rows=50)
    before = used_since(ledger.storage, account, BEGIN)
    list(upkeep(ledger, usage_log_days=0, usage_totals_days=100).go_round())
    assert len(seqs(ledger, account)) == 50
    assert used_since(ledger.storage, account, BEGIN) == before


def test_two_at_once_delete_each_row_once(ledger: Ledger, account: int) -> None:
    fill(ledger, account)
    first, second = (usage_pruning.prune_log(ledger.storage, NOW - timedelta(days=100)) for _ in range(2))
    gone = 0
    for portion in first:
        gone += portion + next(second, 0)
    gone += sum(second)
    assert gone >= 500 - len(seqs(ledger, account)) > 100
    assert min(times(ledger, account)) >= NOW - timedelta(days=101)


def test_oldest_stored_responses_go_when_an_account_has_too_much(ledger: Ledger) -> None:
    account, other = ledger.add_accounts(2)
    names = [f"resp_{account}_{number}" for number in range(8)]
    for number, name in enumerate(names):
        kept = Kept(name, None, b"[]", _incompressible(number, 400_000))
        stored_response.keep(ledger.storage, account, kept, [], 30, 10**9)
    stored_response.keep(
        ledger.storage, other, Kept(f"resp_{other}", None, b"[]", _incompressible(9, 200_000)), [], 30, 10**9
    )
    keeping = upkeep(ledger, stored_responses_mb=1)
    list(keeping.make_room())
    assert _stored(ledger, account) == names[-2:]
    assert _stored(ledger, other) == [f"resp_{other}"]
    list(keeping.make_room(everybody=True))
    assert _stored(ledger, account) == names[-2:]


def _incompressible(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def _stored(ledger: Ledger, account: int) -> list[str]:
    table = stored_response.StoredResponse
    rows = sa.select(table.response_id).where(table.account_id == account).order_by(table.id)
    return ledger.storage.read(lambda connection: list(connection.scalars(rows)))


def test_links_and_unused_tokens_go_when_they_are_long_over(ledger: Ledger) -> None:
    account = ledger.add_accounts(1)[0]
    long_ago, lately = datetime(2020, 1, 1), datetime.now(UTC).replace(tzinfo=None)
    tables: list[tuple[str, str, list[tuple[Any, ...]]]] = [
        (
            "one_time_links",
            "purpose, digest, expires_at",
            [("operator", b"a" * 32, long_ago), ("reset", b"b" * 32, lately)],
        ),
        (
            "service_tokens",
            "account_id, digest, sealed, created_at, revoked_at",
            [(account, b"c" * 32, b"x", long_ago, long_ago), (account, b"d" * 32, b"x", lately, lately)],
        ),
    ]

    def write(connection: sa.Connection) -> None:
        for table, columns, rows in tables:
            names = columns.split(", ")
            insert = sa.text(f"INSERT INTO {table} ({columns}) VALUES ({', '.join(':' + name for name in names)})")  # noqa: S608
            connection.execute(insert, [dict(zip(names, row, strict=True)) for row in rows])

    ledger.storage.write(write)
    leftovers.forget_leftovers(ledger.storage)

    def left(table: str) -> list[bytes]:
        query = sa.text(f"SELECT digest FROM {table} WHERE digest IN (:a, :b, :c, :d)")  # noqa: S608
        keys = {key: key.encode() * 32 for key in "abcd"}
        return ledger.storage.read(lambda connection: [bytes(each) for each in connection.scalars(query, keys)])

    assert left("one_time_links") == [b"b" * 32]
    assert left("service_tokens") == [b"d" * 32]
