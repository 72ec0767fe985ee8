"""From starting a program to its first right answer."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.answers import WHOLE, Expected, check
from benchmarks.calls import chat
from benchmarks.exchange import Exchange
from benchmarks.house import House, gateway_target, new_gateway
from benchmarks.ledger import Ledger
from benchmarks.load import LoadStalled, drive
from benchmarks.loads import WHOLE_WORDS
from benchmarks.nginx import nginx
from benchmarks.peers import MAKERS
from benchmarks.programs import Program
from benchmarks.rounds import in_turns
from benchmarks.sources import Timed
from benchmarks.targets import GATEWAY, PEERS, Target, listens
from tests.harness.gateway import PROGRAMS
from tests.harness.processes import ROOT, Processes

PAUSE_S = 0.005


def measure_cold_starts(processes: Processes, house: House, ledger: Ledger, rounds: int) -> dict[str, float]:
    """Return the median seconds of each target; Smart Route's database is there already, migrated and with an account.

    One that gives no right answer is left out; of Smart Route itself that is a wrong answer.
    """
    programs = [nginx(processes, house.direct.port), _gateway(processes, house.direct.port)]
    programs += [MAKERS[target.name](processes, house.direct.port) for target in house.peers]
    seconds: dict[str, list[float]] = {program.name: [] for program in programs}

    def start(program: Program) -> None:
        taken = _start(processes, program, ledger)
        if taken is not None:
            seconds[program.name].append(taken)
        elif program.name not in PEERS:
            ledger.wrong[f"{program.name}: no right answer after its start"] += 1

    in_turns(programs, rounds, start)
    return {name: statistics.median(each) for name, each in seconds.items() if len(each) == rounds}


def _gateway(processes: Processes, upstream_port: int) -> Program:
    """Smart Route as a program that can be started again and again."""
    with new_gateway(processes, upstream_port, workers=1) as service:
        target = gateway_target(service)
    return Program(
        GATEWAY,
        [PROGRAMS / "gunicorn", "wsgi:app"],
        processes.new_folder("cold"),
        target.port,
        target.headers,
        env=service.env,
        runs_in=ROOT,
    )


def _start(processes: Processes, program: Program, ledger: Ledger) -> float | None:
    target = program.target()
    if not target.is_peer:  # it has books of its own
        target = replace(target, name=f"{program.name}, cold start")
    expected = Expected(WHOLE_WORDS, target.alias, WHOLE)
    begun = time.monotonic()
    process = program.launch(processes)
    try:
        while process.poll() is None and time.monotonic() - begun < program.patience_s:
            answers = _ask(target) if listens(program.port) else []
            if answers and check(answers[0], expected).fatal is None:
                ledger.read(target, answers, expected)
                return answers[0].ended_at - begun
            time.sleep(PAUSE_S)
        return None
    finally:
        processes.stop(process)


def _ask(target: Target) -> Sequence[Exchange]:
    once = Timed([chat(target, f"[[json {WHOLE_WORDS}]]")], gap_s=0, connections=1)
    try:
        drive(target.port, once)
    except LoadStalled:
        return []
    return once.done
