"""Interleaving and ratios: neighbours disturb whole seconds, so targets take turns in rounds shorter than that.

Ratios are taken within a round, where all targets met nearly the same disturbance, and their median is quoted.
CPU for each unit is quoted as the least of all rounds: contention only ever adds to it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from benchmarks.house import House
from benchmarks.ledger import Ledger
from benchmarks.loads import Load, Round
from benchmarks.targets import DIRECT, LITELLM, NGINX, Target

T = TypeVar("T")
Results = dict[str, list[Round]]
BASES = {"nginx": NGINX, "litellm": LITELLM}  # of ratios
ZERO = DIRECT  # of added times


def in_turns(items: Sequence[T], rounds: int, run: Callable[[T], None]) -> None:
    """Run every item once a round; each round begins with another one."""
    for number in range(rounds):
        start = number % len(items)
        for item in [*items[start:], *items[:start]]:
            run(item)


def measure(
    loads: Sequence[Load], house: House, ledger: Ledger, rounds: int, targets: Sequence[Target] | None = None
) -> dict[str, dict[str, Any]]:
    """Put loads on the targets that they fit, all interleaved; return each load's part of the document by its name.

    A peer whose caller did not get an answer is left out of that load from then on, and ``left_out`` says why.
    """
    pairs = [
        (load, target)
        for load in loads
        for target in (house.targets if targets is None else targets)
        if load.only is None or target.name in load.only
    ]
    results: dict[str, Results] = {load.name: {} for load in loads}
    left_out: dict[str, dict[str, str]] = {load.name: {} for load in loads}

    def run(pair: tuple[Load, Target]) -> None:
        load, target = pair
        if target.name in left_out[load.name]:
            return
        round_ = load.run(house, target, ledger)
        if round_.failure is not None and target.is_peer:
            left_out[load.name][target.name] = round_.failure
            results[load.name].pop(target.name, None)
            return
        results[load.name].setdefault(target.name, []).append(round_)

    in_turns(pairs, rounds, run)
    order = [target.name for target in (house.targets if targets is None else targets)]
    return {
        load.name: {
            "title": load.title,
            "unit": load.unit,
            "rounds": rounds,
            "targets": summary({name: results[load.name][name] for name in order if name in results[load.name]}),
            "left_out": left_out[load.name],
        }
        for load in loads
    }


def summary(results: Results) -> dict[str, Any]:
    """Return the figures of one load by target; a ratio to a target that is not there is None."""
    return {name: _of_target(rounds, results) for name, rounds in results.items()}


def _of_target(rounds: list[Round], results: Results) -> dict[str, Any]:
    own_us = _least_us(rounds)
    figures: dict[str, Any] = {
        "per_second": statistics.median(each.per_second for each in rounds),
        "cpu_us_least": own_us,
        "cpu_share": statistics.median(each.cpu_s / each.seconds for each in rounds),
        "generator_cpu_us_least": min(each.generator_cpu_s / each.units * 1e6 for each in rounds),
        "generator_share": statistics.median(each.generator_cpu_s / each.seconds for each in rounds),
        "upstream_share": statistics.median(each.upstream_cpu_s / each.seconds for each in rounds),
        "timings_ms": {key: _timing(rounds, results.get(ZERO), key) for key in rounds[0].timings_ms},
    }
    for key, name in BASES.items():
        base = results.get(name)
        ratios = None if base is None else [a.per_second / b.per_second for a, b in zip(rounds, base, strict=True)]
        figures[f"per_second_x_{key}"] = None if ratios is None else quartiles(ratios)
        figures[f"cpu_x_{key}"] = None if base is None else own_us / _least_us(base)
    return figures


def _least_us(rounds: list[Round]) -> float:
    return min(each.cpu_us for each in rounds)


def _timing(rounds: list[Round], zero: list[Round] | None, key: str) -> dict[str, float]:
    """p50: the median of the rounds' medians, added within each round. p99: of all rounds together."""
    own = [_p50(each, key) for each in rounds]
    values = sorted(value for each in rounds for value in each.timings_ms[key])
    timing = {"p50": statistics.median(own), "p99": p99(values), "max": max(values, default=math.nan)}
    if zero is not None:
        timing["added_p50"] = statistics.median(a - _p50(b, key) for a, b in zip(own, zero, strict=True))
        timing["added_p99"] = timing["p99"] - p99(sorted(value for each in zero for value in each.timings_ms[key]))
    return timing


def quartiles(values: Sequence[float]) -> dict[str, float]:
    """Return median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [*values] * 3
    return {"q1": low, "median": middle, "q3": high}


def p99(values: Sequence[float]) -> float:
    """Return the 99th percentile of values in order; of none, which a void run may have, no number."""
    return values[min(len(values) - 1, int(len(values) * 0.99))] if values else math.nan


def _p50(round_: Round, key: str) -> float:
    values = round_.timings_ms[key]
    return statistics.median(values) if values else math.nan
