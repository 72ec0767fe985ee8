"""How long a route takes to its first output: a decaying estimate of measured times."""

from __future__ import annotations

from math import exp

MEMORY_S = 60.0
"""What is this old weighs a third of what was measured now."""
MEASURE_AGAIN_S = 60.0
"""An estimate without news for so long is not believed any more: one request measures anew."""
MEASURING_S = 10.0
"""Meanwhile the others go by what is known."""
SMALLEST_STEP = 0.1


class Pace:
    """The estimate for one route and one kind of answer (streams, or whole answers)."""

    def __init__(self) -> None:
        """Know nothing."""
        self.seconds: float | None = None
        self._measured_at = 0.0
        self._measuring_until = 0.0

    def measured(self, now: float, seconds: float) -> None:
        """Take a time in; the longer the last one is ago, the more it says."""
        if self.seconds is None:
            self.seconds = seconds
        else:
            weight = max(SMALLEST_STEP, 1 - exp(-(now - self._measured_at) / MEMORY_S))
            self.seconds += weight * (seconds - self.seconds)
        self._measured_at = now
        self._measuring_until = 0.0

    def wants_measuring(self, now: float) -> bool:
        """Tell whether the next request should go this way to learn how quick it is."""
        is_old = self.seconds is None or now - self._measured_at > MEASURE_AGAIN_S
        return is_old and now >= self._measuring_until

    def begin(self, now: float) -> None:
        """Note that a request is on its way: for a while no further one is needed to measure."""
        if self.wants_measuring(now):
            self._measuring_until = now + MEASURING_S
