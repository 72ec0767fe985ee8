"""Reserving, marking, closing and giving back: the rules one by one, and what a breaking connection must not do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pymysql
import pytest
import sqlalchemy as sa

from models import reservation
from models.calendar_windows import Calendar
from models.prepared import Prepared
from models.quota import NEWEST, Limits
from models.reservation import Outcome, QuotaUsedUp, Reserved
from models.storage import StorageUnavailable
from tests.models.ledger import DONE, FAILED, NOON, PLENTY, Ledger

TWO = Limits(daily=2, monthly=10)


def test_prompts_are_admitted_up_to_the_limit_and_not_beyond(ledger: Ledger, account: int) -> None:
    assert [type(ledger.reserve(account, TWO)) for _ in range(3)] == [Reserved, Reserved, QuotaUsedUp]
    assert ledger.used(account) == (2, 2)


def test_refusal_tells_what_is_used_and_writes_nothing(ledger: Ledger, account: int) -> None:
    ledger.admit(account, Limits(daily=1, monthly=None))
    refused = ledger.reserve(account, Limits(daily=1, monthly=None))
    assert isinstance(refused, QuotaUsedUp)
    assert (refused.standing.day_used, refused.standing.day_left, refused.standing.month_left) == (1, 0, None)
    assert ledger.used(account) == (1, 1)


def test_day_resets_at_midnight_and_the_month_goes_on(ledger: Ledger, account: int) -> None:
    ledger.admit(account)
    ledger.storage.clock = datetime(2026, 3, 10, 23, 59, 59, 999_999, tzinfo=UTC)
    ledger.admit(account)
    assert ledger.used(account) == (2, 2)
    ledger.storage.clock = datetime(2026, 3, 11, tzinfo=UTC)
    assert ledger.used(account) == (0, 2)


def test_prompt_given_back_after_midnight_leaves_the_new_day_alone(ledger: Ledger, account: int) -> None:
    yesterdays = ledger.admit(account)
    ledger.storage.clock = NOON + timedelta(days=1)
    ledger.admit(account)
    assert reservation.give_back(ledger.storage, account, yesterdays, FAILED)
    assert ledger.used(account) == (1, 1)


def test_newest_prompt_given_back_first_keeps_the_number_true(ledger: Ledger, account: int) -> None:
    first, second, third = (ledger.admit(account) for _ in range(3))
    for row_id in (third, first):
        assert reservation.give_back(ledger.storage, account, row_id, FAILED)
    assert ledger.used(account) == (1, 1)
    ledger.admit(account)
    assert ledger.used(account) == (2, 2)
    assert ledger.row(second).counted


def test_clock_set_back_opens_no_earlier_day_again(ledger: Ledger, account: int) -> None:
    for _ in range(2):
        ledger.admit(account, TWO)
    ledger.storage.clock = NOON - timedelta(days=1)
    assert isinstance(ledger.reserve(account, TWO), QuotaUsedUp)


def test_changed_time_zone_counts_anew(ledger: Ledger, account: int) -> None:
    ledger.storage.clock = datetime(2026, 3, 10, 1, tzinfo=UTC)
    ledger.admit(account)  # 21:00 of the day before in New York
    ledger.storage.clock = datetime(2026, 3, 10, 5, tzinfo=UTC)
    ledger.admit(account)
    ledger.calendar = Calendar(ZoneInfo("America/New_York"))
    assert ledger.used(account) == (1, 2)
    ledger.admit(account)
    assert ledger.used(account) == (2, 3)


def test_row_is_closed_once(ledger: Ledger, account: int) -> None:
    row_id = ledger.admit(account)
    assert reservation.mark(ledger.storage, row_id)
    assert reservation.settle(ledger.storage, row_id, DONE)
    assert not reservation.settle(ledger.storage, row_id, DONE)
    assert not reservation.give_back(ledger.storage, account, row_id, FAILED)
    assert not reservation.mark(ledger.storage, row_id)
    row = ledger.row(row_id)
    assert (row.status, row.counted, row.reason, row.owner_id) == ("completed", True, "output", None)
    assert ledger.used(account) == (1, 1)


def test_marked_row_is_given_back_by_its_owner_alone(ledger: Ledger, account: int) -> None:
    row_id = ledger.admit(account)
    reservation.mark(ledger.storage, row_id)
    assert not reservation.give_back_unmarked(ledger.storage, account, row_id, FAILED)
    assert reservation.give_back(ledger.storage, account, row_id, FAILED)
    assert ledger.used(account) == (0, 0)


def test_invented_figures_of_an_upstream_do_not_keep_a_row_open(ledger: Ledger, account: int) -> None:
    row_id = ledger.admit(account)
    absurd = Outcome(status="completed", prompt_tokens=10**18, completion_tokens=1, cost=float("inf"))
    assert reservation.settle(ledger.storage, row_id, absurd)
    row = ledger.row(row_id)
    assert (row.prompt_tokens, row.completion_tokens, row.cost) == (2**31 - 1, 1, None)


@pytest.mark.parametrize("asked", [NEWEST, reservation.LOOK], ids=["newest", "look"])
def test_newest_row_is_found_by_one_look_into_the_index(ledger: Ledger, account: int, asked: Prepared) -> None:
    for _ in range(50):
        reservation.settle(ledger.storage, ledger.admit(account), DONE)
    other = ledger.add_accounts(1)[0]
    ledger.admit(other)

    def plan(connection: sa.Connection) -> str:
        text, values = asked.sent(connection.dialect, {"account_id": account})
        explain = "EXPLAIN QUERY PLAN " if ledger.storage.is_sqlite else "EXPLAIN "
        return str(connection.exec_driver_sql(explain + text, values).mappings().all())

    shown = ledger.storage.read(plan)
    if ledger.storage.is_sqlite:
        assert asked is reservation.LOOK or "sqlite_autoindex_usage_log" in shown
        assert "SCAN usage_log" not in shown
        assert "TEMP B-TREE" not in shown
        # The account's rows are read from the end of an index alone; open ones are found by their owner.
        assert "USING INDEX ix_usage_log_account_id_started_at" not in shown
        assert asked is NEWEST or "USING COVERING INDEX ix_usage_log_owner_id_account_id (owner_id>?)" in shown
    else:
        assert asked is reservation.LOOK or "'key': 'uq_usage_log_account_id_seq'" in shown
        assert "filesort" not in shown
        # Of so few rows it may rather read all than any index.
        assert asked is NEWEST or "'possible_keys': 'ix_usage_log_owner_id_account_id'" in shown


# -- connections that break while a commit is answered ---------------------------------------------------------


@contextmanager
def answers_to_commit_are_lost(times: int) -> Iterator[None]:
    """The server commits, and the connection breaks before it can say so."""
    left, send = times, pymysql.Connection.query

    def break_after_commit(connection: pymysql.Connection, message: str, unbuffered: bool = False) -> int:
        nonlocal left
        matched: int = send(connection, message, unbuffered)
        # A lone statement is committed by itself, others with the message that says so.
        if left and ("COMMIT" in message or message.startswith("UPDATE")):
            left -= 1
            while connection._result.has_next:
                connection.next_result()
            connection._force_close()
            raise pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query")
        return matched

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pymysql.Connection, "query", break_after_commit)
        yield
    assert left == 0


on_mariadb = pytest.mark.parametrize("shared_ledger", ["mariadb"], indirect=True)


@on_mariadb
def test_last_prompt_is_admitted_once_when_the_answer_to_its_commit_is_lost(ledger: Ledger, account: int) -> None:
    with answers_to_commit_are_lost(1):
        decision = ledger.reserve(account, Limits(daily=1, monthly=1))
    assert isinstance(decision, Reserved)
    assert ledger.row(decision.row_id).status == "open"
    assert ledger.used(account) == (1, 1) == (decision.standing.day_used, decision.standing.month_used)


@on_mariadb
def test_reservation_nobody_knows_of_is_given_back_when_the_database_answers_again(
    ledger: Ledger, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.storage.WAIT_S", 0.0)
    with answers_to_commit_are_lost(1), pytest.raises(StorageUnavailable):
        ledger.reserve(account)
    assert ledger.used(account) == (1, 1)
    ledger.storage.unfinished.repeat()
    assert ledger.used(account) == (0, 0)
    assert len(ledger.storage.unfinished) == 0


@on_mariadb
def test_mark_and_settlement_hold_when_the_answers_to_their_commits_are_lost(ledger: Ledger, account: int) -> None:
    row_id = ledger.admit(account)
    with answers_to_commit_are_lost(1):
        assert reservation.mark(ledger.storage, row_id)
    with answers_to_commit_are_lost(1):
        assert reservation.settle(ledger.storage, row_id, DONE)
    assert ledger.row(row_id).status == "completed"


@on_mariadb
def test_give_back_lowers_the_number_once_when_the_answer_to_its_commit_is_lost(ledger: Ledger, account: int) -> None:
    kept, lost = ledger.admit(account), ledger.admit(account)
    with answers_to_commit_are_lost(1):
        reservation.give_back(ledger.storage, account, lost, FAILED)
    assert ledger.used(account) == (1, 1)
    assert ledger.statuses([kept, lost]) == ["open", "failed"]


def test_unlimited_plan_is_never_used_up(ledger: Ledger, account: int) -> None:
    free = Limits(daily=None, monthly=None)
    for _ in range(3):
        ledger.admit(account, free)
    shown = ledger.standing(account, free)
    assert (shown.day_used, shown.day_left, shown.month_left, shown.is_used_up) == (3, None, None, False)
    assert not ledger.standing(account, PLENTY).is_used_up
