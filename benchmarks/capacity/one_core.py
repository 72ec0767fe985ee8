"""What one core carries: gateway and nginx have one for themselves, generator and upstream share the others."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.capacity.loads import p, streams, whole_answers
from benchmarks.capacity.shapes import SQLITE, Installation, Shape, installed
from benchmarks.house import Upstream
from benchmarks.tables import table
from tests.harness.mariadb import MariaDB
from tests.harness.processes import Processes

PACE_MS = 25
WORDS = 120
TOGETHER = (25, 50, 100, 150, 200, 250)


class TooFewCores(Exception):
    """The machine has one core alone: nothing is left for generator and upstream."""


def carried(processes: Processes, upstream: Upstream, server: MariaDB, asked: argparse.Namespace) -> tuple[str, int]:
    """Return what a core carries of whole answers, and of streams by how many run at once.

    Raises:
        TooFewCores: there is none to spare.
    """
    with installed(processes, Shape(SQLITE, 1, 1), upstream, server, accounts=8) as at, _a_core_apart(at):
        whole_answers(at, seconds=0.5)
        told = [whole_answers(at, seconds=asked.seconds) for _ in range(asked.rounds)]
        wrong = sum(each.wrong for each in told)
        latency = [ms for each in told for ms in each.latency_ms]
        fastest = max(each.per_second for each in told)
        lines = [
            [
                "16 connections, whole answers",
                f"{fastest:,.0f} requests/s",
                "-",
                "-",
                _ms(latency, 50),
                _ms(latency, 99),
            ]
        ]
        for count in TOGETHER:
            begun, used = time.monotonic(), at.gateway_cpu_s() + at.nginx_cpu_s()
            held = streams(at, count, words=WORDS, pace_ms=PACE_MS, started_within_s=0.5)
            seconds = time.monotonic() - begun
            share = (at.gateway_cpu_s() + at.nginx_cpu_s() - used) / seconds
            wrong += held.wrong
            lines.append(
                [
                    f"{count} streams, an event each {PACE_MS} ms",
                    f"{held.events / seconds:,.0f} events/s",
                    f"{share:.0%}",
                    f"{held.grown_mb:.0f}",
                    _ms(held.delay_ms, 50),
                    _ms(held.delay_ms, 99),
                ]
            )
        memory = f"{at.memory_mb():.0f} MB of the gateway afterwards"
    heads = ["load", "served", "of the core", "MB more", "p50 ms", "p99 ms"]
    return table(f"One core for gateway and nginx, one worker on SQLite; {memory}", heads, lines), wrong


@contextlib.contextmanager
def _a_core_apart(at: Installation) -> Iterator[None]:
    """Give the last core to gateway and nginx alone, and all else of this run the others."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise TooFewCores("two cores are needed: one for gateway and nginx, one for the load")
    ours = [pid for each in at.gateways for pid in (each.master_pid, *each.worker_pids())]
    _pin([*ours, *at.nginx_pids], cores[-1:])
    others = [os.getpid(), *_children(os.getpid())]
    _pin([pid for pid in others if pid not in {*ours, *at.nginx_pids}], cores[:-1])
    try:
        yield
    finally:
        _pin([os.getpid(), *_children(os.getpid())], cores)


def _pin(pids: Iterable[int], cores: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):  # some threads end meanwhile
            for thread in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), cores)


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _ms(values: list[float], hundredths: int) -> str:
    return f"{p(values, hundredths):.1f}"
