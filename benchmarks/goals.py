"""What is aimed for, and what of it a run has reached.

Below the floor is a defect; the goal is the least for a release; the stretch is what the product wants to be able to
say of itself. Ratios within one run are goals wherever they can be: absolute figures are the machine's as much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.tables import shown
from benchmarks.targets import GATEWAY, LITELLM

Document = dict[str, Any]
TWO_WORKERS = "Smart Route, 2 workers"
TWO_GATEWAYS = "Smart Route, 2 gateways"
"""Of one worker each, which share nothing but the machine."""
FLOOR, GOAL, STRETCH = "floor", "goal", "stretch"


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure: where it stands in a document (None: that part was not measured), and its three bounds."""

    title: str
    bounds: tuple[float, float, float]
    """Floor, goal, stretch; rising bounds want a high figure, falling or equal ones a low one."""
    figure: Callable[[Document], float | None]

    def reached(self, value: float) -> str | None:
        """Return the name of the best bound that a figure reaches; None: it is below the floor."""
        is_high = self.bounds[0] < self.bounds[2]
        best = None
        for name, bound in zip((FLOOR, GOAL, STRETCH), self.bounds, strict=True):
            if value >= bound if is_high else value <= bound:
                best = name
        return best


def goal_rows(document: Document) -> Iterator[list[str]]:
    """Return the rows of the goals table: title, ours, the bounds, what is reached."""
    for goal in GOALS:
        value = goal.figure(document)
        verdict = "not measured" if value is None else goal.reached(value) or "BELOW THE FLOOR"
        yield [goal.title, shown(value), *(shown(bound) for bound in goal.bounds), verdict]


def of_load(load: str, *keys: str, target: str = GATEWAY) -> Callable[[Document], float | None]:
    """A figure of one target under one load."""

    def figure(document: Document) -> float | None:
        return dig(document, "loads", load, "targets", target, *keys)

    return figure


def dig(document: Any, *keys: str) -> Any:
    """Follow keys; None where one is missing."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def ratio(above: float | None, below: float | None) -> float | None:
    """Divide what is there."""
    return above / below if above is not None and below else None


def responses_x_chat(document: Document, kind: str, target: str = GATEWAY) -> float | None:
    """CPU of an event of Responses by that of a chat event, measured in the same rounds."""
    own = of_load(f"responses-{kind}", "cpu_us_least", target=target)
    return ratio(own(document), of_load(kind, "cpu_us_least", target=target)(document))


def second_worker_cpu(document: Document) -> float | None:
    """CPU of a request with two workers by that with one."""
    two = of_load("workers", "cpu_us_least", target=TWO_WORKERS)
    return ratio(two(document), of_load("workers", "cpu_us_least")(document))


def streams_per_100_mb(document: Document, target: str = GATEWAY) -> float | None:
    """How many slow streams fit into 100 MB beside what the idle worker takes."""
    return ratio(100_000, dig(document, "held", target, "kb_per_stream"))


def _held_errors(document: Document) -> float | None:
    """Faults of all answers: the run counts them as wrong, whichever load they came under."""
    return None if dig(document, "held", GATEWAY) is None else float(sum(document.get("wrong", {}).values()))


def _quota_check(document: Document) -> float | None:
    """The worst database's ratio of its largest account to its empty one."""
    ratios = [dig(rows[-1], "reserve_ratio", "median") for rows in document.get("admission", {}).values()]
    return max(ratios, default=None)


def _added_x_litellm(document: Document) -> float | None:
    keys = ("timings_ms", "latency", "added_p50")
    return ratio(of_load("rate", *keys)(document), of_load("rate", *keys, target=LITELLM)(document))


def _x_litellm(part: str) -> Callable[[Document], float | None]:
    return lambda document: ratio(dig(document, part, GATEWAY), dig(document, part, LITELLM))


def _held(*keys: str) -> Callable[[Document], float | None]:
    return lambda document: dig(document, "held", GATEWAY, *keys)


def _idle(target: str) -> Callable[[Document], float | None]:
    return lambda document: dig(document, "memory", target, "idle_mb")


def _time(load: str, timing: str, key: str) -> Callable[[Document], float | None]:
    return of_load(load, "timings_ms", timing, key)


GOALS = (
    Goal("JSON, requests/s x LiteLLM", (6, 10, 18), of_load("json", "per_second_x_litellm", "median")),
    Goal("JSON, requests/s x nginx", (0.015, 0.025, 0.045), of_load("json", "per_second_x_nginx", "median")),
    Goal("JSON, CPU of a request x nginx", (70, 45, 30), of_load("json", "cpu_x_nginx")),
    Goal("JSON at 40/s, added p50, ms", (5, 3, 2), _time("rate", "latency", "added_p50")),
    Goal("JSON at 40/s, added p99, ms", (15, 8, 6), _time("rate", "latency", "added_p99")),
    Goal("JSON at 40/s, added p50 x LiteLLM's", (0.3, 0.2, 0.12), _added_x_litellm),
    Goal("SSE paced, CPU of an event x nginx", (8, 5, 4), of_load("paced", "cpu_x_nginx")),
    Goal("SSE paced, event delay p50, ms", (1, 0.5, 0.3), _time("paced", "delay", "p50")),
    Goal("SSE paced, event delay p99, ms", (10, 4, 2), _time("paced", "delay", "p99")),
    Goal("SSE burst, events/s x nginx", (0.05, 0.09, 0.15), of_load("burst", "per_second_x_nginx", "median")),
    Goal("SSE burst, events/s x LiteLLM", (30, 50, 90), of_load("burst", "per_second_x_litellm", "median")),
    Goal("Responses paced, CPU of an event x chat", (1.6, 1.6, 1.6), lambda each: responses_x_chat(each, "paced")),
    Goal("Responses burst, CPU of an event x chat", (1.6, 1.6, 1.6), lambda each: responses_x_chat(each, "burst")),
    Goal("slow streams held by one worker: wrong answers", (0, 0, 0), _held_errors),
    Goal("slow streams held, first event p50, ms", (50, 10, 5), _held("timings_ms", "first", "p50")),
    Goal("slow streams held, event delay p99, ms", (100, 50, 25), _held("timings_ms", "delay", "p99")),
    Goal("slow streams held per 100 MB", (1500, 2000, 4000), streams_per_100_mb),
    Goal("slow streams' delay p50 beside a burst, ms", (20, 6, 3), _time("beside", "beside", "p50")),
    Goal("quota check, empty to the largest account", (2, 1.3, 1.2), _quota_check),
    Goal("loop lag p99 under another's write lock, ms", (50, 15, 8), _time("lock", "locked", "p99")),
    Goal("idle memory, 1 worker, MB PSS", (90, 70, 55), _idle(GATEWAY)),
    Goal("idle memory, 2 workers, MB PSS", (150, 115, 95), _idle(TWO_WORKERS)),
    Goal("a second worker, CPU of a request x one's", (1.1, 1.1, 1.1), second_worker_cpu),
    Goal("cold start x LiteLLM", (0.12, 0.08, 0.05), _x_litellm("cold_start_s")),
    Goal("installed size x LiteLLM", (0.15, 0.1, 0.08), _x_litellm("installed_mb")),
)
