"""One whole run: which loads, how long, in which order; gives one document of figures."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psutil

from benchmarks.admission import WrongDecision, measure_admission
from benchmarks.ledger import Ledger
from benchmarks.load import LoadStalled
from benchmarks.loads import JsonAtRate, JsonClosedLoop, StreamsBurst, StreamsHeld, StreamsPaced
from benchmarks.rounds import measure, summary
from benchmarks.targets import SYSTEM_FOLDERS, House, running_house
from tests.harness.mariadb import MariaDB
from tests.harness.processes import Processes

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How much a run does: rounds of each load, the seconds of a round, and so on."""

    json_rounds: int
    rate_rounds: int
    paced_rounds: int
    burst_rounds: int
    round_s: float
    rate_s: float
    streams_held: int
    words_held: int
    admission_rows: tuple[int, ...]
    admission_rounds: int
    with_mariadb: bool


FULL = Size(12, 8, 8, 12, 0.4, 1.0, 200, 12, (0, 100_000, 1_000_000), 20, True)
QUICK = Size(2, 1, 1, 2, 0.1, 0.2, 30, 2, (0, 1_000, 10_000), 3, False)


def run(size: Size, say: Say) -> dict[str, Any]:
    """Measure everything; ``say`` is told what is under way. The document's ``wrong`` must be empty."""
    processes = Processes()
    ledger = Ledger()
    begun, busy_before = time.monotonic(), _busy_s()
    document: dict[str, Any] = {
        "begun": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "size": {name: getattr(size, name) for name in Size.__slots__},
    }
    try:
        say("starting the demo upstream, the gateway and nginx")
        with running_house(processes) as house:
            _measure_house(house, size, ledger, say, document)
        say("admission")
        document["admission"] = _admission(processes, size)
    except LoadStalled:
        ledger.wrong["a server stopped answering"] += 1
    except WrongDecision as error:
        ledger.wrong[f"admission: {error}"] += 1
    finally:
        processes.close()
    document["seconds"] = time.monotonic() - begun
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)  # all servers and commands of this run
    ours = time.process_time() + ended.ru_utime + ended.ru_stime
    document["neighbours_cores"] = max(0.0, (_busy_s() - busy_before - ours) / document["seconds"])
    document["answers"] = dict(ledger.answers)
    document["wrong"] = dict(ledger.wrong)
    return document


def _measure_house(house: House, size: Size, ledger: Ledger, say: Say, document: dict[str, Any]) -> None:
    document["memory"] = {target.name: {"idle_mb": target.pss_mb()} for target in house.targets}
    _warm_up(house, ledger)
    held = StreamsHeld(size.streams_held, size.words_held)
    say(held.title)
    for target in house.targets:
        before = target.pss_mb()
        held.run(house, target, ledger)
        per_100 = (held.pss_mb - before) / held.streams * 100
        document["memory"][target.name]["per_100_streams_mb"] = per_100
    plan = [
        (JsonClosedLoop(size.round_s), size.json_rounds),
        (JsonAtRate(size.rate_s), size.rate_rounds),
        (StreamsPaced(), size.paced_rounds),
        (StreamsBurst(size.round_s), size.burst_rounds),
    ]
    document["loads"] = {}
    for load, rounds in plan:
        say(f"{load.title}: {rounds} rounds")
        figures = summary(measure(load, house, ledger, rounds))
        document["loads"][load.name] = {"title": load.title, "rounds": rounds, "targets": figures}
    for target in house.targets:
        document["memory"][target.name]["loaded_mb"] = target.pss_mb()
    document["books"] = ledger.balance(house)


def _warm_up(house: House, ledger: Ledger) -> None:
    """Let every server load what it loads at its first requests; the answers count like all others."""
    for load in (JsonClosedLoop(0.1), StreamsBurst(0.1)):
        for target in house.targets:
            load.run(house, target, ledger)


def _admission(processes: Processes, size: Size) -> dict[str, list[dict[str, Any]]]:
    def sqlite_url() -> str:
        return f"sqlite:///{processes.new_folder('admission') / 'bench.db'}"

    figures = {"SQLite": measure_admission(sqlite_url, size.admission_rows, size.admission_rounds)}
    if size.with_mariadb and _mariadb_is_there():
        server = MariaDB(processes)
        try:
            figures["MariaDB"] = measure_admission(server.create_database, size.admission_rows, size.admission_rounds)
        finally:
            server.stop()
    return figures


def _mariadb_is_there() -> bool:
    return shutil.which("mariadbd", path=os.environ.get("PATH", os.defpath) + ":" + SYSTEM_FOLDERS) is not None


def _machine() -> dict[str, Any]:
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": psutil.virtual_memory().total / 2**30,
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


def _busy_s() -> float:
    """CPU seconds that all programs of this machine have used."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)
