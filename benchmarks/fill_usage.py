"""``python -m benchmarks.fill_usage DATABASE_URL --rows 5000000 --accounts 200``: a used service, in a minute or few.

Makes accounts (``filled-1@example.org``, without passwords) and their usage log of the last days, with the totals
that housekeeping would have made of it. Every day is the same (``fill_pattern``), copied by the database itself; so
the running numbers, and with them the quotas, are what admission would have written. The database must be new or
without usage; the password of ``operator@example.org`` is ``--password``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app import ROOT, create_app
from benchmarks.fill_pattern import a_day
from config import Settings
from models.calendar_windows import Calendar
from models.storage import Storage
from models.usage_log import UsageLog
from models.usage_summing import sum_up
from models.usage_sums import DAY, UsageSpan
from models.usage_tally import LoggedRow
from models.usage_totals import TotalledUpTo, UsageTotal, tallies_of, total_up, values_of
from service.accounts import membership
from service.accounts.audit import Actor
from service.database import schema
from service.services import services

Say = Callable[[str], None]

PATTERN = "fill_pattern"
ACCOUNTS = "fill_accounts"
RARE_ERROR = "invalid_prompt"  # of two rows
PORTION = 5_000
CACHE_KIB = 1_000_000
COPIED = [
    "account_id", "token_id", "kind", "counted", "reason", "status", "step", "endpoint", "alias_asked",
    "alias_served", "client_name", "upstream", "upstream_model", "attempts", "error_code", "prompt_tokens",
    "completion_tokens", "cached_tokens", "reasoning_tokens", "tokens_estimated", "first_output_ms", "duration_ms",
    "cost", "routing",
]  # fmt: skip
# :number is the day's, from 0; :shift its distance in seconds from the pattern's own; p the pattern, a its accounts.
PLACED = {
    "id": ":first_id + p.id",
    "seq": "p.seq + :number * a.requests",
    "day_start": ":day_start",
    "month_start": ":month_start",
    "day_prompts": "p.day_prompts",
    "month_prompts": "p.day_prompts + :into_month * a.counted",
}
BY_DIALECT = {
    "sqlite": {
        "started_at": "strftime('%Y-%m-%d %H:%M:%f', p.started_at, :shift || ' seconds') || '000'",
        "request_id": "'req_' || lower(hex(randomblob(16)))",
        "turn": "printf('%08x', :number) || p.turn",
        "claim": "CASE WHEN p.is_claimed THEN printf('%08x', :number) || p.turn || ':' || p.step END",
    },
    "mysql": {
        "started_at": "timestampadd(second, :shift, p.started_at)",
        "request_id": "concat('req_', md5(concat(rand(), ' ', :number, ' ', p.id)))",
        "turn": "concat(lpad(hex(:number), 8, '0'), p.turn)",
        "claim": "CASE WHEN p.is_claimed THEN concat(lpad(hex(:number), 8, '0'), p.turn, ':', p.step) END",
    },
}


class NotEmpty(Exception):
    """The database has a usage log already."""


def main() -> int:
    """Fill a database; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fill_usage", description="Fill a usage log.")
    parser.add_argument("database_url")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--days", type=int, default=365, help="the last one is today, as far as it is over")
    parser.add_argument("--password", default="correct horse battery", help="of operator@example.org")
    asked = parser.parse_args()
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {text}", flush=True)

    settings = replace(Settings.from_environment(os.environ, Path(ROOT)), database_url=asked.database_url)
    with create_app(settings).app_context():
        try:
            fill(asked.rows, asked.accounts, asked.days, asked.password, say)
        except NotEmpty as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def fill(rows: int, accounts: int, days: int, password: str | None, say: Say) -> None:
    """Fill the database of the running application.

    Raises:
        NotEmpty: it has a usage log.
    """
    schema.make_if_missing()
    house = services()
    if house.storage.read(lambda connection: connection.scalar(sa.select(sa.exists(sa.select(UsageLog.id))))):
        raise NotEmpty("this database has a usage log already; give a new one")
    holders = list(_accounts(accounts, password))
    say(f"{len(holders)} accounts")
    now = house.storage.read(house.storage.now)
    per_day = max(accounts, rows // days)
    midnight = house.calendar.at(now).day.start
    pattern = a_day(holders, per_day, midnight)
    _keep_pattern(house.storage, pattern)
    wanted = [house.calendar.at(midnight - timedelta(hours=24 * back - 12)).day.start for back in range(days)][::-1]
    for number, day_start in enumerate(wanted):
        _copy_day(house.storage, house.calendar, pattern, day_start, number, until=now)
        if number % 50 == 0:
            say(f"day {number + 1} of {days}")
    _drop_pattern(house.storage)
    say("the usage log is written")
    _keep_totals(house.storage, house.calendar, pattern, wanted[:-1])
    for place in (0.3, 0.7):
        _make_rare(house.storage, pattern, wanted, int(place * len(wanted)))
    for add_up in (total_up, sum_up):
        for _ in add_up(house.storage):
            pass
    say("the totals are made")


def _accounts(count: int, password: str | None) -> Iterator[tuple[int, int]]:
    by = Actor("benchmarks.fill_usage", "this machine")
    plan = services().catalog.plans[-1].slug
    names = [f"filled-{number}@example.org" for number in range(1, count)]
    made = [membership.create(name, None, plan, is_operator=False, by=by) for name in names]
    made.append(membership.create("operator@example.org", password, plan, is_operator=True, by=by))
    ids = {member.id for member, _ in made}
    tokens = sa.text("SELECT account_id, id FROM service_tokens WHERE live_account_id IS NOT NULL ORDER BY id")
    found = services().storage.read(lambda connection: connection.execute(tokens).all())
    return ((account_id, token_id) for account_id, token_id in found if account_id in ids)


def _keep_pattern(storage: Storage, pattern: list[dict[str, Any]]) -> None:
    """Write the pattern, and how much each account uses on a day, into tables of their own."""
    table = _pattern_table()
    requests = Counter(row["account_id"] for row in pattern)
    counted = Counter(row["account_id"] for row in pattern if row["counted"])
    each = [{"id": one, "requests": requests[one], "counted": counted[one]} for one in requests]

    def keep(connection: sa.Connection) -> None:
        if storage.is_sqlite:
            connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KIB}")
        table.metadata.create_all(connection)
        for start in range(0, len(pattern), PORTION):
            connection.execute(sa.insert(table), pattern[start : start + PORTION])
        connection.execute(sa.insert(table.metadata.tables[ACCOUNTS]), each)

    storage.write(keep)


def _drop_pattern(storage: Storage) -> None:
    storage.write(lambda connection: _pattern_table().metadata.drop_all(connection))


def _pattern_table() -> sa.Table:
    own = sa.MetaData()
    log = UsageLog.__table__
    sa.Table(
        ACCOUNTS,
        own,
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("requests", sa.Integer),
        sa.Column("counted", sa.Integer),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    return sa.Table(
        PATTERN,
        own,
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        *(sa.Column(name, log.c[name].type) for name in [*COPIED, "seq", "turn", "started_at", "day_prompts"]),
        sa.Column("is_claimed", sa.Boolean),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def _copy_day(
    storage: Storage,
    calendar: Calendar,
    pattern: list[dict[str, Any]],
    day_start: datetime,
    number: int,
    *,
    until: datetime,
) -> None:
    """Write one day's rows, as far as they began before ``until``."""
    shift = round((day_start - calendar.at(pattern[0]["started_at"]).day.start).total_seconds())
    month_start = calendar.at(day_start).month.start
    rows = sum(row["started_at"] + timedelta(seconds=shift) < until for row in pattern)
    placed = PLACED | BY_DIALECT["sqlite" if storage.is_sqlite else "mysql"]
    columns = [*COPIED, *placed]
    values = [*(f"p.{name}" for name in COPIED), *placed.values()]
    copy = sa.text(
        f"INSERT INTO usage_log ({', '.join(columns)})"  # noqa: S608  (made of the constants above)
        f" SELECT {', '.join(values)} FROM {PATTERN} p JOIN {ACCOUNTS} a ON a.id = p.account_id"
        " WHERE p.id <= :rows ORDER BY p.id"
    )
    given = {
        "number": number,
        "shift": shift,
        "rows": rows,
        "first_id": number * len(pattern),
        "day_start": day_start.replace(tzinfo=None),
        "month_start": month_start.replace(tzinfo=None),
        "into_month": min(number, round((day_start - month_start).total_seconds() / 86_400)),
    }
    typed = copy.bindparams(*(sa.bindparam(name, type_=sa.DateTime) for name in ("day_start", "month_start")))
    storage.write(lambda connection: connection.execute(typed, given))


def _keep_totals(storage: Storage, calendar: Calendar, pattern: list[dict[str, Any]], days: list[datetime]) -> None:
    """Write the totals of days that are over: they are all the same."""
    sums = []
    for account_id in {row["account_id"] for row in pattern}:
        own = [_logged(row) for row in pattern if row["account_id"] == account_id]
        for (_, alias, upstream), tally in tallies_of(own).items():
            sums.append({"account_id": account_id, "alias_served": alias, "upstream": upstream, **values_of(tally)})
    requests = Counter(row["account_id"] for row in pattern)
    up_to = [{"account_id": each, "seq": number * len(days)} for each, number in requests.items()]
    spans = [
        {
            "length": DAY,
            "start": day_start,
            "month_start": calendar.at(day_start).month.start,
            "first_id": number * len(pattern) + 1,
            "last_id": (number + 1) * len(pattern),
            "changed": 1,
            "summed": 0,
        }
        for number, day_start in enumerate(days)
    ]
    for day_start in days:
        rows = [{**each, "day_start": day_start} for each in sums]
        storage.write(lambda connection, rows=rows: connection.execute(sa.insert(UsageTotal), rows))  # type: ignore[misc]

    def keep(connection: sa.Connection) -> None:
        if days:
            connection.execute(sa.insert(TotalledUpTo), up_to)
            connection.execute(sa.insert(UsageSpan), spans)

    storage.write(keep)


def _make_rare(storage: Storage, pattern: list[dict[str, Any]], days: list[datetime], number: int) -> None:
    """Give one failed row of a day an error that hardly ever happens, in the log and in the totals."""
    row = next(each for each in pattern if each["error_code"] == "upstream_error")
    of_row = sa.update(UsageLog).where(UsageLog.id == number * len(pattern) + row["id"])
    of_total = (
        UsageTotal.account_id == row["account_id"],
        UsageTotal.day_start == days[number],
        UsageTotal.alias_served == row["alias_served"],
        UsageTotal.upstream == row["upstream"],
    )

    def change(connection: sa.Connection) -> None:
        connection.execute(of_row.values(error_code=RARE_ERROR))
        codes = json.loads(connection.execute(sa.select(UsageTotal.error_codes).where(*of_total)).scalar_one())
        codes["upstream_error"] -= 1
        codes = {code: rows for code, rows in codes.items() if rows} | {RARE_ERROR: 1}
        connection.execute(sa.update(UsageTotal).where(*of_total).values(error_codes=json.dumps(codes)))

    storage.write(change)


def _logged(row: dict[str, Any]) -> LoggedRow:
    of_one_day: dict[str, Any] = {"day_start": datetime.min, "month_start": datetime.min}
    return LoggedRow(**{name: of_one_day.get(name) or row[name] for name in LoggedRow._fields})


if __name__ == "__main__":
    sys.exit(main())
