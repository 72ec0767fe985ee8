"""Admission alone, in this process: what a decision costs an account with many rows in its windows.

Each size has a database of its own, whose rows all lie in the running day of one account.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

import models.all_tables  # noqa: F401  (create_all makes what is imported)
from benchmarks.rounds import in_turns, quartiles
from models import usage_log as log
from models.account import Account
from models.base import db, utcnow
from models.calendar_windows import Calendar
from models.engine import engine_options, prepare_engine
from models.quota import Limits, prompts_counted
from models.reservation import Outcome, Request, Reserved, reserve, settle
from models.service_token import ServiceToken
from models.storage import Storage
from models.usage_log import UsageLog

DECISIONS = 40  # of a block; the account without rows has some after it
PORTION = 50_000  # rows of one statement: on a busy machine a longer one outlasts the database's patience
PLENTY = Limits(daily=10**9, monthly=10**9)
OUTCOME = Outcome(status=log.COMPLETED, upstream="demo", attempts=1, prompt_tokens=9, completion_tokens=20)

# The rows grow out of themselves until there are enough: much quicker than sending each. :n is how many there are.
_GROWN = {
    "request_id": {"sqlite": "'bench' || (seq + :n)", "mysql": "concat('bench', seq + :n)"},
    "started_at": {
        "sqlite": "strftime('%Y-%m-%d %H:%M:%f', day_start, ((seq + :n) * :step_s) || ' seconds') || '000'",
        "mysql": "timestampadd(microsecond, (seq + :n) * :step_s * 1000000, day_start)",
    },
    "seq": {"": "seq + :n"},
    "day_prompts": {"": "seq + :n"},
    "month_prompts": {"": "seq + :n"},
}


class WrongDecision(Exception):
    """Admission refused, or counted otherwise than row by row."""


@dataclass(slots=True)
class _Filled:
    """A database whose account has ``rows`` rows, and the microseconds of each block's calls."""

    rows: int
    storage: Storage
    account_id: int
    token_id: int
    decided: int = 0
    reserve_us: list[float] = field(default_factory=list)
    settle_us: list[float] = field(default_factory=list)


def measure_admission(database_url: Callable[[], str], sizes: Sequence[int], rounds: int) -> list[dict[str, Any]]:
    """Return for each size what ``reserve`` and ``settle`` cost, and the ratio to the first size.

    Raises:
        WrongDecision: a decision was not exact.
    """
    filled = [_fill(database_url(), size) for size in sizes]
    calendar = Calendar(ZoneInfo("UTC"))
    try:
        in_turns(filled, rounds + 1, lambda each: _decide(each, calendar))
        for each in filled:
            _recount(each, calendar)
    finally:
        for each in filled:
            each.storage.engine.dispose()
    # The first round met cold caches.
    return [
        {
            "rows": each.rows,
            "reserve_us_least": min(each.reserve_us[1:]),
            "settle_us_least": min(each.settle_us[1:]),
            "reserve_ratio": quartiles(_ratios(each.reserve_us, filled[0].reserve_us)),
            "settle_ratio": quartiles(_ratios(each.settle_us, filled[0].settle_us)),
        }
        for each in filled
    ]


def _ratios(own: list[float], base: list[float]) -> list[float]:
    return [a / b for a, b in zip(own[1:], base[1:], strict=True)]


def _decide(filled: _Filled, calendar: Calendar) -> None:
    first = filled.decided
    wanted = [
        Request(filled.account_id, filled.token_id, f"decision{n}", "chat/completions", None, "smart-route", None)
        for n in range(first, first + DECISIONS)
    ]
    started = time.perf_counter()
    decisions = [reserve(filled.storage, each, PLENTY, calendar, 1) for each in wanted]
    reserved = time.perf_counter()
    row_ids = [each.row_id for each in decisions if isinstance(each, Reserved)]
    closing = time.perf_counter()
    closed = [settle(filled.storage, row_id, OUTCOME) for row_id in row_ids]
    settled = time.perf_counter()
    filled.decided += DECISIONS
    filled.reserve_us.append((reserved - started) / DECISIONS * 1e6)
    filled.settle_us.append((settled - closing) / DECISIONS * 1e6)
    last = decisions[-1]
    known = last.standing.month_used if isinstance(last, Reserved) else None
    if len(row_ids) != DECISIONS or not all(closed) or known != filled.rows + filled.decided:
        raise WrongDecision(f"{filled.decided} decisions on {filled.rows} rows end at {known}")


def _recount(filled: _Filled, calendar: Calendar) -> None:
    """Hold the running number against a count of all rows."""
    month = calendar.at(utcnow()).month
    counted = filled.storage.read(lambda connection: prompts_counted(connection, filled.account_id, month))
    if counted != filled.rows + filled.decided:
        raise WrongDecision(f"{filled.decided} decisions on {filled.rows} rows, and {counted} rows count")


def _fill(url: str, rows: int) -> _Filled:
    engine = sa.create_engine(url, **engine_options(url))
    prepare_engine(engine)
    db.metadata.create_all(engine)
    storage = Storage(engine)

    def add_account(connection: sa.Connection) -> tuple[int, int]:
        account = sa.insert(Account).values(email_hash=bytes(32), is_operator=False)
        account_id = _new_id(connection, account)
        token = sa.insert(ServiceToken).values(
            account_id=account_id, live_account_id=account_id, digest=bytes(32), sealed=b"-"
        )
        return account_id, _new_id(connection, token)

    account_id, token_id = storage.write(add_account)
    if rows:
        storage.write(lambda connection: _add_rows(connection, rows, account_id, token_id))
    if storage.is_sqlite:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return _Filled(rows, storage, account_id, token_id)


def _new_id(connection: sa.Connection, insert: sa.Insert) -> int:
    key = connection.execute(insert).inserted_primary_key
    assert key is not None
    return int(key[0])


def _add_rows(connection: sa.Connection, rows: int, account_id: int, token_id: int) -> None:
    now = utcnow()
    windows = Calendar(ZoneInfo("UTC")).at(now)
    first = {
        "account_id": account_id, "seq": 1, "token_id": token_id, "request_id": "bench1", "kind": log.PROMPT,
        "counted": True, "reason": log.COUNTED_OUTPUT, "status": log.COMPLETED, "started_at": windows.day.start,
        "day_start": windows.day.start, "month_start": windows.month.start, "day_prompts": 1, "month_prompts": 1,
        "endpoint": "chat/completions", "alias_served": "smart-route", "upstream": "demo",
        "upstream_model": "demo-model", "attempts": 1, "prompt_tokens": 9, "completion_tokens": 20,
        "tokens_estimated": False, "first_output_ms": 12, "duration_ms": 40,
    }  # fmt: skip
    connection.execute(sa.insert(UsageLog), first)
    dialect = connection.dialect.name
    picked = [_GROWN[name].get(dialect) or _GROWN[name][""] if name in _GROWN else name for name in first]
    grow = sa.text(
        f"INSERT INTO usage_log ({', '.join(first)})"  # noqa: S608  (made of the constants above)
        f" SELECT {', '.join(picked)} FROM usage_log WHERE seq <= :wanted"
    )
    step_s = (now - windows.day.start).total_seconds() / (rows + 1)
    n = 1
    while n < rows:
        wanted = min(n, rows - n, PORTION)
        connection.execute(grow, {"n": n, "wanted": wanted, "step_s": step_s})
        n += wanted
