"""The same load on one, two and four workers, on SQLite and MariaDB, on one machine and two: side by side."""

from __future__ import annotations

import argparse
import statistics
from contextlib import ExitStack

from benchmarks.capacity.loads import Whole, p, streams, whole_answers
from benchmarks.capacity.shapes import MARIADB, SQLITE, Installation, Shape, installed
from benchmarks.house import Upstream
from benchmarks.rounds import in_turns
from benchmarks.tables import table
from tests.harness.mariadb import MariaDB
from tests.harness.processes import Processes

SHAPES = [
    Shape(SQLITE, 1, 1),
    Shape(SQLITE, 1, 2),
    Shape(SQLITE, 1, 4),
    Shape(MARIADB, 1, 1),
    Shape(MARIADB, 1, 2),
    Shape(MARIADB, 1, 4),
    Shape(MARIADB, 2, 1),
    Shape(MARIADB, 2, 1, distance_ms=1.0),
]
HEADS = [
    "installation", "requests/s", "p50 ms", "p99 ms", "gateway CPU us/request", "nginx", "database",
    "CPU us/event", "idle MB",
]  # fmt: skip


def compare(processes: Processes, upstream: Upstream, server: MariaDB, asked: argparse.Namespace) -> tuple[str, int]:
    """Return the table and how many answers were wrong or rows missing."""
    with ExitStack() as running:
        houses = [running.enter_context(installed(processes, shape, upstream, server, accounts=8)) for shape in SHAPES]
        idle = {house.shape: house.memory_mb() for house in houses}
        for house in houses:
            whole_answers(house, seconds=0.5)  # every worker loads what it loads at its first requests
        before = {house.shape: house.completed_rows() for house in houses}
        rounds: dict[Shape, list[Whole]] = {house.shape: [] for house in houses}
        paced: dict[Shape, list[float]] = {house.shape: [] for house in houses}
        answers = dict.fromkeys(rounds, 0)
        wrong = 0

        def one_turn(house: Installation) -> None:
            nonlocal wrong
            told = whole_answers(house, seconds=asked.seconds)
            rounds[house.shape].append(told)
            held = streams(house, 24, words=27, pace_ms=25, started_within_s=0.5)
            paced[house.shape].append(held.gateway_us)
            answers[house.shape] += told.requests + held.streams
            wrong += told.wrong + held.wrong

        in_turns(houses, asked.rounds, one_turn)
        wrong += sum(abs(h.completed_rows() - before[h.shape] - answers[h.shape]) for h in houses)
    lines = [
        [
            shape.name,
            f"{statistics.median(each.per_second for each in told):,.0f}",
            f"{p([ms for each in told for ms in each.latency_ms], 50):.1f}",
            f"{p([ms for each in told for ms in each.latency_ms], 99):.1f}",
            f"{min(each.gateway_us for each in told):,.0f}",
            f"{min(each.nginx_us for each in told):,.0f}",
            f"{min(each.database_us for each in told):,.0f}",
            f"{min(paced[shape]):,.0f}",
            f"{idle[shape]:.0f}",
        ]
        for shape, told in rounds.items()
    ]
    title = f"16 connections in a closed loop, {asked.rounds} rounds in turns of {asked.seconds:g} s; 24 paced streams"
    return table(title, HEADS, lines), wrong
