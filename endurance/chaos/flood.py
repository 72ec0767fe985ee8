"""One account floods while others work."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from typing import Any

from endurance import seen
from endurance.chaos.crowd import Crowd, Notes, share, tally
from endurance.chaos.flooding import flood, request_of
from endurance.chaos.place import Place, place
from endurance.chaos.scenario import Stage, scenario

ROUNDS = 4
ROUND_S = 4.0
CONNECTIONS = 64
NOISE_MS = 5.0
"""What a shared machine adds to a p99 of a few milliseconds now and then, alone or not."""

_EXPECTS = {
    "all": "Everything that the others ask is answered",
    "p99": "Their p99 at most doubles beside the flood (the quietest round of each kind)",
    "turns": "The worker does at most eight requests' work between an other's question and its answer",
    "streams": "The events of their streams are late by 25 ms at p99 at most (the same)",
    "share": "The flood gets what is left: it is served, too",
}


@scenario(
    "flood-json",
    "One account floods with whole answers",
    done=f"One worker. {CONNECTIONS} connections of one account ask without a pause; four others ask five times a"
    f" second each and read two paced streams each. {ROUNDS} rounds of {ROUND_S:g} s with the flood and without, in"
    " turns. The flood goes to an upstream of its own: the gateway's fairness is asked for, not the demo's.",
    expects=_EXPECTS,
)
def flood_json(stage: Stage) -> None:
    """Whole answers."""
    with place(stage.processes, upstreams=2) as here:
        _compare(stage, here, request_of(here.member("flood@example.org", "apart"), "[[tokens 5]] hello"))


@scenario(
    "flood-refused",
    "One account floods with requests that are refused",
    done="The same with a plan of one open request, which a stream holds: everything else of that account is answered"
    " 429 at once, and asked again at once.",
    expects=_EXPECTS,
)
def flood_refused(stage: Stage) -> None:
    """Refusals, which never wait for anything."""
    with place(stage.processes) as here:
        member = here.member("flood@example.org", "single")
        with ExitStack() as holding:
            seconds = ROUNDS * 2 * (ROUND_S + 2) + 10
            long = request_of(member, f"[[tokens {int(seconds * 20)}]] [[pace 50]]", stream=True)
            holding.enter_context(flood(stage.processes, here.gateway.port, long, connections=1, seconds=0.01))
            time.sleep(0.3)
            _compare(stage, here, request_of(member, "[[tokens 5]] hello"), code="429")
            here.upstreams.stop_all()  # ends the stream


@scenario(
    "flood-streams",
    "One account floods with streams in a burst",
    done="The same with streams of 200 events that the upstream sends at once.",
    expects=_EXPECTS,
)
def flood_streams(stage: Stage) -> None:
    """Streams without a pause."""
    with place(stage.processes, upstreams=2) as here:
        member = here.member("flood@example.org", "apart")
        _compare(stage, here, request_of(member, "[[tokens 200]] [[burst]]", stream=True))


def _compare(stage: Stage, here: Place, request: bytes, code: str = "200") -> None:
    alone: list[Notes] = []
    beside: list[Notes] = []
    floods: list[dict[str, Any]] = []
    _round(stage, here, None, 1.0)  # the first requests of a process pay for imports
    for number in range(ROUNDS):
        for is_flooded in (False, True) if number % 2 == 0 else (True, False):
            notes, told = _round(stage, here, request if is_flooded else None, ROUND_S)
            (beside if is_flooded else alone).append(notes)
            floods += [told] if told else []
    others = [each for notes in alone + beside for _, each, _ in notes.short]
    failed = [each for each in others if each.how != seen.COMPLETE]
    stage.check("all", not failed and len(others) > 100, tally(others), [str(each) for each in failed])
    quiet, loud = [_p99(notes) for notes in alone], [_p99(notes) for notes in beside]
    before, after = min(quiet), min(loud)  # what else the machine does only adds
    figures = f"p50 {_p50(alone):.1f} → {_p50(beside):.1f} ms, p99 {before:.1f} → {after:.1f} ms"
    stage.check("p99", after <= max(2 * before, before + NOISE_MS), figures)
    own, with_flood = _work(alone), _work(beside)
    stage.check(
        "turns",
        share(with_flood, 0.99) <= 8 * statistics.median(own),
        f"CPU of the worker meanwhile: p50 {share(own, 0.5) * 1000:.2f} → {share(with_flood, 0.5) * 1000:.2f} ms,"
        f" p99 {share(own, 0.99) * 1000:.2f} → {share(with_flood, 0.99) * 1000:.2f} ms",
    )
    late = [[each for _, each in notes.late_ms] for notes in beside]
    at_p99 = min(share(each, 0.99) for each in late)
    at_p50 = statistics.median(share(each, 0.5) for each in late)
    stage.check("streams", at_p99 <= 25, f"p99 {at_p99:.1f} ms, p50 {at_p50:.1f} ms")
    served = sum(each["codes"].get(code, 0) for each in floods)
    asked = sum(sum(each["codes"].values()) for each in floods)
    rate = statistics.median(each["per_second"] for each in floods)
    stage.check("share", served == asked and rate > 50, f"{served} of {asked} answered {code}, {rate:.0f} a second")


def _round(stage: Stage, here: Place, request: bytes | None, seconds: float) -> tuple[Notes, dict[str, Any]]:
    [worker] = here.gateway.worker_pids()
    with ExitStack() as running:
        figures: dict[str, Any] = {}
        if request is not None:
            figures = running.enter_context(
                flood(stage.processes, here.gateway.port, request, connections=CONNECTIONS, seconds=seconds + 2.5)
            )
            time.sleep(0.5)
        began = time.monotonic()
        events = int((seconds + 0.2) * 20)
        crowd = Crowd(here.gateway.port, here.members, stream_events=events, meter=lambda: cpu_s_of(worker))
        with crowd:
            time.sleep(seconds)
    notes = crowd.notes
    notes.short = [each for each in notes.short if each[0] - began > 0.3]  # eight streams open at once before
    return notes, figures


def cpu_s_of(pid: int) -> float:
    """CPU seconds of a process so far; the clock's id is what clock_getcpuclockid(3) computes."""
    return time.clock_gettime((~pid << 3) | 2)


def _p99(notes: Notes) -> float:
    return share([each.seconds * 1000 for _, each, _ in notes.short], 0.99)


def _p50(rounds: list[Notes]) -> float:
    return statistics.median(each.seconds * 1000 for notes in rounds for _, each, _ in notes.short)


def _work(rounds: list[Notes]) -> list[float]:
    return [work for notes in rounds for _, _, work in notes.short]
