"""Adding rows of the usage log up: how many, what became of them, tokens, cost, times.

A tally knows no database. Rows are added one by one, tallies to each other, in any order, and the result is
the same; so what was added up long ago and what is read now need one definition only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, TypeVar

from msgspec import Struct, field

from . import usage_log as log

Key = TypeVar("Key")

STEPS_PER_DOUBLING = 8
"""Times are kept by the eighth of a doubling that they fall nearest to: at most 4.5 % off."""


_CLOSED = frozenset({log.COMPLETED, log.INTERRUPTED, log.CANCELLED, log.FAILED})


class LoggedRow(NamedTuple):
    """The columns of a usage-log row that are added up."""

    id: int
    seq: int
    started_at: datetime
    day_start: datetime
    month_start: datetime
    alias_served: str
    upstream: str | None
    kind: str
    counted: bool
    status: str
    error_code: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    first_output_ms: int | None
    duration_ms: int | None
    cost: float | None

    @property
    def is_closed(self) -> bool:
        """Tell whether the row has become what it stays."""
        return self.status not in (log.OPEN, log.STARTED)


class Tally(Struct):
    """Sums over rows. Tokens, cost and times are of those rows that tell them."""

    requests: int = 0
    prompts: int = 0
    continuations: int = 0
    counted: int = 0
    completed: int = 0
    interrupted: int = 0
    cancelled: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float | None = None
    """None: no row tells one."""
    duration_ms: int = 0
    timed: int = 0
    """Rows that tell a duration."""
    error_codes: dict[str, int] = field(default_factory=dict)
    first_output: dict[int, int] = field(default_factory=dict)
    """Step of the time to first output (``step_of``) -> rows."""

    @property
    def under_way(self) -> int:
        """Rows that are not closed."""
        return self.requests - self.completed - self.interrupted - self.cancelled - self.failed

    def add(self, row: LoggedRow) -> None:
        """Add one row."""
        self.requests += 1
        self.counted += row.counted
        if row.kind == log.PROMPT:
            self.prompts += 1
        else:
            self.continuations += 1
        if row.is_closed:
            status = row.status if row.status in _CLOSED else log.FAILED  # another program may call it what it likes
            setattr(self, status, getattr(self, status) + 1)
        self.prompt_tokens += row.prompt_tokens or 0
        self.completion_tokens += row.completion_tokens or 0
        self.cached_tokens += row.cached_tokens or 0
        self.reasoning_tokens += row.reasoning_tokens or 0
        if row.cost is not None:
            self.cost = (self.cost or 0.0) + row.cost
        if row.duration_ms is not None:
            self.duration_ms += row.duration_ms
            self.timed += 1
        if row.error_code is not None:
            self.error_codes[row.error_code] = self.error_codes.get(row.error_code, 0) + 1
        if row.first_output_ms is not None:
            step = step_of(row.first_output_ms)
            self.first_output[step] = self.first_output.get(step, 0) + 1

    def merge_sums(self, other: Tally) -> None:
        """Add what another tally holds, its error codes and times to first output left out."""
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        if other.cost is not None:
            self.cost = (self.cost or 0.0) + other.cost

    def merge(self, other: Tally) -> None:
        """Add what another tally holds."""
        self.merge_sums(other)
        _add_counts(self.error_codes, other.error_codes)
        _add_counts(self.first_output, other.first_output)

    def first_output_ms(self, share: float) -> int | None:
        """Return the time to first output that ``share`` of the rows did not exceed (0.5: the median).

        At most 4.5 % off; None when no row tells one.
        """
        wanted = share * sum(self.first_output.values())
        seen = 0
        for step, rows in sorted(self.first_output.items()):
            seen += rows
            if seen >= wanted:
                return milliseconds_of(step)
        return None


SUMS = (
    "requests",
    "prompts",
    "continuations",
    "counted",
    "completed",
    "interrupted",
    "cancelled",
    "failed",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "duration_ms",
    "timed",
)
"""The plain sums of a tally: its fields and the columns of the totals, by the same names."""


def step_of(milliseconds: int) -> int:
    """Return the step of a logarithmic scale that a time is nearest to; 0 is up to a millisecond."""
    return round(STEPS_PER_DOUBLING * math.log2(max(1, milliseconds)))


def milliseconds_of(step: int) -> int:
    """Return the time that a step stands for."""
    return round(2 ** (step / STEPS_PER_DOUBLING))


def _add_counts(counts: dict[Key, int], others: Mapping[Key, int]) -> None:
    for key, count in others.items():
        counts[key] = counts.get(key, 0) + count
