"""One whole run, part by part; gives one document of figures."""

from __future__ import annotations

import resource
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from benchmarks.admission import WrongDecision
from benchmarks.answers import STREAM, WHOLE
from benchmarks.cold_start import measure_cold_starts
from benchmarks.goals import TWO_GATEWAYS, TWO_WORKERS
from benchmarks.house import House, gateway_target, new_gateway, running_house
from benchmarks.installed import installed_mb
from benchmarks.ledger import Ledger
from benchmarks.load import LoadStalled
from benchmarks.loads import Images, JsonAtRate, JsonClosedLoop, JsonOfTwoWorkers, Load, LongPrompts, WarmUp
from benchmarks.loads_mixed import SlowBesideBurst, StreamsUnderLock
from benchmarks.loads_streams import ResponsesBurst, ResponsesPaced, StreamsBurst, StreamsHeld, StreamsPaced
from benchmarks.machine import busy_s, machine, versions
from benchmarks.plan import Plan
from benchmarks.programs import Unavailable
from benchmarks.quota_check import measure_quota_check
from benchmarks.rounds import measure, summary
from tests.harness.processes import Processes

Say = Callable[[str], None]


def run(plan: Plan, parts: Collection[str], peers: Sequence[str], say: Say) -> dict[str, Any]:
    """Measure ``parts``; ``say`` is told what is under way. The document's ``wrong`` must be empty."""
    processes = Processes()
    ledger = Ledger()
    begun, busy_before = time.monotonic(), busy_s()
    document: dict[str, Any] = {
        "begun": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "parts": list(parts),
    }
    try:
        say(f"starting the upstream, nginx, Smart Route{''.join(f', {name}' for name in peers)}")
        with running_house(processes, peers) as house:
            document["versions"], document["absent"] = versions(house.targets), house.absent
            _measure_house(processes, house, plan, parts, ledger, say, document)
        if "admission" in parts:
            say("the quota check on accounts with many rows")
            document["admission"] = measure_quota_check(processes, plan)
    except LoadStalled:
        ledger.wrong["a server stopped answering"] += 1
    except Unavailable as error:
        ledger.wrong[f"nginx {error}"] += 1
    except WrongDecision as error:
        ledger.wrong[f"admission: {error}"] += 1
    except Exception as error:  # what was measured before is told all the same
        say(traceback.format_exc())
        ledger.wrong[f"the run broke off: {type(error).__name__}"] += 1
    finally:
        processes.close()
    document["seconds"] = time.monotonic() - begun
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)  # all servers and commands of this run
    ours = time.process_time() + ended.ru_utime + ended.ru_stime
    document["neighbours_cores"] = max(0.0, (busy_s() - busy_before - ours) / document["seconds"])
    document["answers"] = dict(ledger.answers)
    document["wrong"] = dict(ledger.wrong)
    document["lacked"] = {name: dict(faults) for name, faults in ledger.lacked.items()}
    return document


def _measure_house(
    processes: Processes,
    house: House,
    plan: Plan,
    parts: Collection[str],
    ledger: Ledger,
    say: Say,
    document: dict[str, Any],
) -> None:
    memory = document["memory"] = {target.name: {"idle_mb": target.pss_mb()} for target in house.targets}
    measure([WarmUp(WHOLE), WarmUp(STREAM)], house, ledger, 1)
    loads = document["loads"] = {}
    if "held" in parts:
        document["held"] = _held(house, plan, ledger, say)
    for part, group, rounds in _groups(plan):
        if part in parts:
            say(f"{'; '.join(load.title for load in group)}: {rounds} rounds")
            loads |= measure(group, house, ledger, rounds)
    for target in house.targets:
        memory[target.name]["loaded_mb"] = target.pss_mb()
    books = document["books"] = {}
    if "workers" in parts:
        say("one worker and two")
        books |= _two_workers(processes, house, plan, ledger, document)
    books[house.gateway.name] = ledger.balance(house.gateway, house.service)
    if "start" in parts:
        say(f"cold starts, {plan.starts} of each")
        document["cold_start_s"] = measure_cold_starts(processes, house, ledger, plan.starts)
    if "installed" in parts:
        document["installed_mb"] = installed_mb(target.name for target in house.targets)


def _groups(plan: Plan) -> list[tuple[str, Sequence[Load], int]]:
    """Part, loads that are measured in the same rounds, number of rounds."""
    return [
        ("json", [JsonClosedLoop(plan.round_s)], plan.json_rounds),
        ("rate", [JsonAtRate(plan.rate_s)], plan.rate_rounds),
        ("prompts", [LongPrompts(plan.round_s)], plan.prompt_rounds),
        ("image", [Images(plan.round_s)], plan.image_rounds),
        ("paced", [StreamsPaced(), ResponsesPaced()], plan.paced_rounds),
        ("burst", [StreamsBurst(plan.round_s), ResponsesBurst(plan.round_s)], plan.burst_rounds),
        ("beside", [SlowBesideBurst(plan.beside_words)], plan.beside_rounds),
        ("lock", [StreamsUnderLock(plan.lock_s)], 1),
    ]


def _held(house: House, plan: Plan, ledger: Ledger, say: Say) -> dict[str, Any]:
    """Slow streams in thousands, on one target after the other: side by side they would disturb each other."""
    held = plan.held
    figures: dict[str, Any] = {}
    for target in house.targets[1:]:
        streams = held.streams_of_peers if target.is_peer else held.streams
        load = StreamsHeld(streams, words=held.words, pace_ms=held.pace_ms, ramp_s=held.ramp_s)
        say(f"{target.name}: {load.title}")
        before = target.pss_mb()
        round_ = load.run(house, target, ledger)
        if round_.failure is not None:
            figures[target.name] = {"streams": streams, "failure": round_.failure}
            continue
        [summed] = summary({target.name: [round_]}).values()
        kb = (load.pss_mb - before) / streams * 1000
        figures[target.name] = {"streams": streams, "title": load.title, "kb_per_stream": kb, **summed}
    return figures


def _two_workers(
    processes: Processes, house: House, plan: Plan, ledger: Ledger, document: dict[str, Any]
) -> dict[str, dict[str, int]]:
    """One worker, two of one gateway, and two gateways of one, under the same load; returns the new ones' books.

    Two gateways share the machine alone: what a request costs there more than with one worker is the machine's.
    """
    with ExitStack() as running:
        service, left, right = (
            running.enter_context(new_gateway(processes, house.direct.port, workers=count)) for count in (2, 1, 1)
        )
        two = gateway_target(service, TWO_WORKERS)
        idle_mb = two.pss_mb()
        first, second = gateway_target(left, TWO_GATEWAYS), gateway_target(right, TWO_GATEWAYS)
        measure([WarmUp(WHOLE)], house, ledger, 1, [house.gateway, two, first, second])
        apart = replace(first, pids=(*first.pids, *second.pids), apart=second)
        document["loads"] |= measure(
            [JsonOfTwoWorkers(plan.round_s)],
            house,
            ledger,
            plan.workers_rounds,
            [house.direct, house.gateway, two, apart],
        )
        document["memory"][TWO_WORKERS] = {"idle_mb": idle_mb, "loaded_mb": two.pss_mb()}
        return {TWO_WORKERS: ledger.balance(two, service), TWO_GATEWAYS: ledger.balance(apart, left, right)}
