"""How rounds take turns and what is quoted of them."""

from __future__ import annotations

import pytest

from benchmarks.loads import Round
from benchmarks.rounds import in_turns, summary


def test_each_round_begins_with_another_target() -> None:
    order: list[str] = []
    in_turns(["a", "b", "c"], 4, order.append)
    assert "".join(order) == "abcbcacababc"


def test_ratios_are_taken_within_a_round_and_cpu_is_the_least_of_all() -> None:
    def rounds(units: list[int], cpu_s: float) -> list[Round]:
        return [Round(each, 1.0, cpu_s * (number + 1), 0.1) for number, each in enumerate(units)]

    figures = summary(
        {
            "direct": rounds([200, 20, 2000], 0.1),
            "nginx": rounds([100, 10, 1000], 0.2),
            "gateway": rounds([50, 4, 300], 0.3),
        }
    )
    assert figures["gateway"]["per_second_ratio"]["median"] == pytest.approx(0.4)
    assert figures["gateway"]["cpu_us_least"] == pytest.approx(0.9 / 300 * 1e6)
    assert figures["gateway"]["cpu_ratio"] == pytest.approx((0.9 / 300) / (0.6 / 1000))


def test_added_times_are_over_direct() -> None:
    def rounds(milliseconds: list[float]) -> list[Round]:
        return [Round(1, 1.0, 0.1, 0.1, {"latency": [each - 1, each, each + 1]}) for each in milliseconds]

    figures = summary({"direct": rounds([1, 9]), "nginx": rounds([2, 10]), "gateway": rounds([4, 14])})
    assert figures["gateway"]["timings_ms"]["latency"]["added_p50"] == 4
    assert figures["direct"]["timings_ms"]["latency"]["added_p99"] == 0
