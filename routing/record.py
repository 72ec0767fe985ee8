"""What was seen of one route lately, to be shown: attempts under way, how they ended, how long they took.

Nothing is decided by it; the breaker and the pace are what routing goes by. Counts grow for as long as the process
lives. The last minutes are kept minute by minute, on the machine's monotonic clock, which all its processes share, so
that the minutes of several workers can be added up.
"""

from __future__ import annotations

import time
from collections import deque
from math import exp, log
from typing import Any

MINUTES = 10
"""How many are kept, the running one among them."""
STEP = 0.1
"""Times are kept in classes that are ten per cent wide: a quantile is off by five per cent at most."""


class RouteRecord:
    """Counts of one route in this process."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.open = {False: 0, True: 0}
        """Attempts under way, of whole answers and of streams."""
        self.ends: dict[str, int] = {}
        """How many ended how: ``completed``, ``left`` or an error's code."""
        self.rate_limits = 0
        """How often the upstream asked for a pause."""
        self.last_failure: tuple[str, float] | None = None
        """The code of the last one, and when (Unix seconds)."""
        self.last_output = 0.0
        """When a first output or whole answer last came (Unix seconds); 0: never."""
        self._minutes: deque[_Minute] = deque(maxlen=MINUTES)

    def begun(self, *, stream: bool) -> None:
        """Note that a request is sent."""
        self.open[stream] += 1

    def output(self, now: float, seconds: float, *, stream: bool) -> None:
        """Note a stream's first output, or a whole answer, after ``seconds``."""
        self.last_output = time.time()
        times = self._minute(now).times[stream]
        step = round(log(max(seconds, 0.001)) / STEP)
        times[step] = times.get(step, 0) + 1

    def ended(self, now: float, how: str, *, stream: bool, failed: bool) -> None:
        """Note how a request ended, and whether that was the upstream's fault; ``now`` is of the monotonic clock."""
        self.open[stream] -= 1
        self.ends[how] = self.ends.get(how, 0) + 1
        minute = self._minute(now)
        minute.ends += 1
        if failed:
            minute.failures += 1
            self.last_failure = (how, time.time())

    def told(self) -> dict[str, Any]:
        """Return it all as values of JSON."""
        return {
            "open_streams": self.open[True],
            "open_answers": self.open[False],
            "ends": self.ends,
            "rate_limits": self.rate_limits,
            "last_failure": self.last_failure,
            "last_output": self.last_output,
            "minutes": [minute.told() for minute in self._minutes],
        }

    def _minute(self, now: float) -> _Minute:
        number = int(now // 60)
        if not self._minutes or self._minutes[-1].number != number:
            self._minutes.append(_Minute(number))
        return self._minutes[-1]


class _Minute:
    """How many attempts ended in one minute, and the times of its outputs as how many fell into which class."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.ends = self.failures = 0
        self.times: dict[bool, dict[int, int]] = {False: {}, True: {}}

    def told(self) -> dict[str, Any]:
        return {
            "minute": self.number,
            "ends": self.ends,
            "failures": self.failures,
            "streams": _in_milliseconds(self.times[True]),
            "answers": _in_milliseconds(self.times[False]),
        }


def _in_milliseconds(times: dict[int, int]) -> list[tuple[int, int]]:
    return [(round(exp(step * STEP) * 1000), count) for step, count in times.items()]
