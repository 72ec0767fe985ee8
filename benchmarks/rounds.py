"""Interleaving and ratios: neighbours disturb whole seconds, so targets take turns in rounds shorter than that.

Ratios are taken within a round, where all targets met nearly the same disturbance, and their median is quoted.
CPU for each unit is quoted as the least of all rounds: contention only ever adds to it.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from benchmarks.ledger import Ledger
from benchmarks.loads import Load, Round
from benchmarks.targets import House

T = TypeVar("T")
Results = dict[str, list[Round]]
BASE = "nginx"  # of ratios
ZERO = "direct"  # of added times


def in_turns(items: Sequence[T], rounds: int, run: Callable[[T], None]) -> None:
    """Run every item once a round; each round begins with another one."""
    for number in range(rounds):
        start = number % len(items)
        for item in [*items[start:], *items[:start]]:
            run(item)


def measure(load: Load, house: House, ledger: Ledger, rounds: int) -> Results:
    """Put a load on all targets, interleaved."""
    results: Results = {target.name: [] for target in house.targets}
    in_turns(house.targets, rounds, lambda target: results[target.name].append(load.run(house, target, ledger)))
    return results


def summary(results: Results) -> dict[str, Any]:
    """Return the figures of one load by target, those of ``BASE`` and ``ZERO`` being the measures."""
    base, zero = results[BASE], results[ZERO]
    least = {name: min(each.cpu_us for each in rounds) for name, rounds in results.items()}
    return {
        name: {
            "per_second": statistics.median(each.per_second for each in rounds),
            "per_second_ratio": quartiles([a.per_second / b.per_second for a, b in zip(rounds, base, strict=True)]),
            "cpu_us_least": least[name],
            "cpu_ratio": least[name] / least[BASE],
            "generator_cpu_us_least": min(each.generator_cpu_s / each.units * 1e6 for each in rounds),
            "generator_share": statistics.median(each.generator_cpu_s / each.seconds for each in rounds),
            "timings_ms": {key: _timing(rounds, zero, key) for key in rounds[0].timings_ms},
        }
        for name, rounds in results.items()
    }


def _timing(rounds: list[Round], zero: list[Round], key: str) -> dict[str, float]:
    """p50: the median of the rounds' medians, added within each round. p99: of all rounds together."""
    pairs = [(_p50(a, key), _p50(b, key)) for a, b in zip(rounds, zero, strict=True)]
    p99, zero_p99 = _p99(rounds, key), _p99(zero, key)
    return {
        "p50": statistics.median(own for own, _ in pairs),
        "p99": p99,
        "added_p50": statistics.median(own - direct for own, direct in pairs),
        "added_p99": p99 - zero_p99,
    }


def quartiles(values: Sequence[float]) -> dict[str, float]:
    """Return median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [*values] * 3
    return {"q1": low, "median": middle, "q3": high}


def _p50(round_: Round, key: str) -> float:
    return statistics.median(round_.timings_ms[key])


def _p99(rounds: list[Round], key: str) -> float:
    values = sorted(value for each in rounds for value in each.timings_ms[key])
    return values[min(len(values) - 1, int(len(values) * 0.99))]
