"""Time to first output by alias, on one logarithmic line each: a ring at the median, an end at the 95th percentile."""

from __future__ import annotations

import math

from msgspec import Struct

from blueprints.usage.words import duration
from service.reports.usage_report import Report


class Times(Struct, frozen=True):
    """One alias: milliseconds, and where they lie on its line, in per cent."""

    alias: str
    median_ms: int
    p95_ms: int
    median_x: float
    p95_x: float

    @property
    def length(self) -> float:
        """From the median to the 95th percentile."""
        return round(self.p95_x - self.median_x, 2)


class Scale(Struct, frozen=True):
    """The lines that stand below each other, and the times marked along them."""

    lines: list[Times]
    marks: list[tuple[float, str]]


def times_of(report: Report) -> Scale | None:
    """Return the lines of a report; None when nothing had output."""
    known: list[tuple[str, int, int]] = []
    for alias, tally in report.by_alias.items():
        median, p95 = tally.first_output_ms(0.5), tally.first_output_ms(0.95)
        if median is not None and p95 is not None:
            known.append((alias, max(1, median), max(1, p95)))
    if not known:
        return None
    low = math.floor(math.log10(min(median for _, median, _ in known)))
    high = max(low + 1, math.ceil(math.log10(max(p95 for _, _, p95 in known))))

    def place(milliseconds: float) -> float:
        return round((math.log10(milliseconds) - low) / (high - low) * 100, 2)

    lines = [Times(alias, median, p95, place(median), place(p95)) for alias, median, p95 in known]
    return Scale(lines, [(place(10**power), _mark(10**power)) for power in range(low, high + 1)])


def _mark(milliseconds: int) -> str:
    return duration(milliseconds) if milliseconds < 1_000 else f"{milliseconds // 1_000:,} s"
