"""How the cost grows: with accounts, with rows of the usage log, with streams that are open at once."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.capacity.loads import Whole, p, streams, whole_answers
from benchmarks.capacity.shapes import MARIADB, SQLITE, Shape, config_of, installed, new_url
from benchmarks.house import Upstream
from benchmarks.tables import table
from tests.harness.gateway import SECRET_KEY
from tests.harness.mariadb import MariaDB
from tests.harness.processes import ROOT, Processes, clean_environment

ASKING = 200  # accounts that send requests where there are more
FILLED = 50  # accounts that share the rows
FILL_S = 3600


def with_accounts(
    processes: Processes, upstream: Upstream, server: MariaDB, asked: argparse.Namespace
) -> tuple[str, int]:
    """Return CPU and latency by the number of accounts that send requests."""
    lines, wrong = [], 0
    for database in (SQLITE, MARIADB):
        for count in asked.accounts:
            url = new_url(processes, database, server)
            _fill(processes, upstream, url, rows=max(30 * count, 30_000), accounts=count, days=30)
            asking = [_filled(number) for number in range(1, count, max(1, count // ASKING))]
            with installed(processes, Shape(database, 1, 1), upstream, server, url=url, emails=asking) as at:
                told = [whole_answers(at, seconds=asked.seconds) for _ in range(asked.rounds)]
            wrong += sum(each.wrong for each in told)
            lines.append([f"{database}, {count:,} accounts", *_figures(told)])
    heads = ["one machine, one worker", "gateway CPU us/request", "database", "p50 ms", "p99 ms"]
    return table(f"Growth with accounts (up to {ASKING} of them ask)", heads, lines), wrong


def with_rows(processes: Processes, upstream: Upstream, server: MariaDB, asked: argparse.Namespace) -> tuple[str, int]:
    """Return CPU and latency by the rows of the usage log; the accounts that ask have their share of them."""
    lines, wrong = [], 0
    for database in (SQLITE, MARIADB):
        for rows in asked.rows:
            url = new_url(processes, database, server)
            emails = []
            if rows:
                _fill(processes, upstream, url, rows=rows, accounts=FILLED, days=365)
                emails = [_filled(number) for number in range(1, 9)]
            with installed(
                processes, Shape(database, 1, 1), upstream, server, accounts=8, url=url, emails=emails
            ) as at:
                told = [whole_answers(at, seconds=asked.seconds) for _ in range(asked.rounds)]
            wrong += sum(each.wrong for each in told)
            size = f"{_megabytes(url):,.0f}" if database == SQLITE else "-"
            lines.append([f"{database}, {rows:,} rows", *_figures(told), size])
            if database == SQLITE:
                _remove(url)
    heads = ["one machine, one worker", "gateway CPU us/request", "database", "p50 ms", "p99 ms", "file MB"]
    return table("Growth with rows of the usage log", heads, lines), wrong


def with_streams(
    processes: Processes, upstream: Upstream, server: MariaDB, asked: argparse.Namespace
) -> tuple[str, int]:
    """Return memory, CPU and delay by the number of streams that one worker holds open."""
    lines, wrong = [], 0
    for count in asked.streams:
        with installed(processes, Shape(SQLITE, 1, 1), upstream, server, accounts=8) as at:
            whole_answers(at, seconds=0.5)
            # Eight words two seconds apart, all begun before the first has ended.
            told = streams(at, count, words=8, pace_ms=2000, started_within_s=8.0)
        wrong += told.wrong
        lines.append(
            [
                f"{count:,}",
                f"{told.grown_mb:.0f}",
                f"{told.grown_mb * 1000 / count:.0f}",
                f"{told.gateway_us:.0f}",
                f"{p(told.first_ms, 50):.1f}",
                f"{p(told.delay_ms, 50):.2f}",
                f"{p(told.delay_ms, 99):.1f}",
            ]
        )
    heads = ["streams", "MB", "KB/stream", "CPU us/event", "first event p50 ms", "delay p50 ms", "p99 ms"]
    return table("Growth with open streams (SQLite, one worker, 8 events each, 2 s apart)", heads, lines), wrong


def _figures(told: list[Whole]) -> list[str]:
    latency = [ms for each in told for ms in each.latency_ms]
    return [
        f"{min(each.gateway_us for each in told):,.0f}",
        f"{min(each.database_us for each in told):,.0f}",
        f"{p(latency, 50):.1f}",
        f"{p(latency, 99):.1f}",
    ]


def _filled(number: int) -> str:
    return f"filled-{number}@example.org"


def _fill(processes: Processes, upstream: Upstream, url: str, *, rows: int, accounts: int, days: int) -> None:
    command = [
        sys.executable, "-m", "benchmarks.fill_usage", url,
        "--rows", str(rows), "--accounts", str(accounts), "--days", str(days),
    ]  # fmt: skip
    config = processes.new_folder("fill") / "smartroute.toml"
    config.write_text(config_of(upstream))
    environment = clean_environment({"SECRET_KEY": SECRET_KEY, "SMARTROUTE_CONFIG": str(config)})
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True, timeout=FILL_S)


def _files(url: str) -> list[Path]:
    path = Path(url.removeprefix("sqlite:///"))
    return [one for end in ("", "-wal", "-shm") if (one := Path(f"{path}{end}")).exists()]


def _megabytes(url: str) -> float:
    return sum(one.stat().st_size for one in _files(url)) / 1e6


def _remove(url: str) -> None:
    for one in _files(url):
        one.unlink()
