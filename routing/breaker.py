"""A circuit breaker: a route that keeps failing is left alone for a while, then tried by a single request.

After Nygard, "Release It!" (2nd edition, 2018), chapter 5. Times are of a monotonic clock, in seconds.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

State = Literal["closed", "open", "half_open"]

WINDOW_S = 60.0
WINDOW_ATTEMPTS = 20
"""The window slides over the last so many: a busy route is judged by the last second, an idle one by a minute."""
LEAST_FAILURES = 5
LEAST_RATE = 0.5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 60.0
LONGEST_TRIAL_S = 60.0
"""A trial that has told nothing for so long makes room for another one."""


class Breaker:
    """Closed: all may pass. Open: nobody. Half open: one, whose outcome decides; nobody while it is under way."""

    def __init__(self) -> None:
        """Begin closed."""
        self._last: deque[tuple[float, bool]] = deque(maxlen=WINDOW_ATTEMPTS)  # when, and whether it failed
        self._open_until: float | None = None
        self._pause_s = FIRST_PAUSE_S
        self._trial: object | None = None
        self._trial_until = 0.0

    def state(self, now: float) -> State:
        """Return the state: ``open`` while the pause lasts, ``half_open`` from its end to a trial's outcome."""
        if self._open_until is None:
            return "closed"
        return "open" if now < self._open_until else "half_open"

    def wait_s(self, now: float) -> float:
        """Return in how many seconds somebody may pass; 0 for now. A trial under way is given one second."""
        if self._open_until is None:
            return 0.0
        if now < self._open_until:
            return self._open_until - now
        return 1.0 if self._trial is not None and now < self._trial_until else 0.0

    def enter(self, now: float, who: object) -> None:
        """Note that ``who`` begins; it tells how it went by ``succeeded``, ``failed`` or, knowing neither, ``left``."""
        if self.state(now) != "closed" and (self._trial is None or now >= self._trial_until):
            self._trial, self._trial_until = who, now + LONGEST_TRIAL_S

    def succeeded(self, now: float, who: object) -> None:
        """Note an attempt that went well; a trial closes the breaker."""
        if self._open_until is None:
            self._last.append((now, False))
        elif self._trial is who:
            self._open_until = self._trial = None
            self._pause_s = FIRST_PAUSE_S
            self._last.clear()

    def failed(self, now: float, who: object) -> None:
        """Note an attempt that failed; open where that was too many, or the trial."""
        if self._open_until is not None:
            if self._trial is who:
                self._trial = None
                if now < self._open_until:
                    return  # it was sent for want of another route, not because its time had come
                self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
                self._open_until = now + self._pause_s
            return  # others began before it opened: what they met is known
        self._last.append((now, True))
        recent = [has_failed for when, has_failed in self._last if now - when < WINDOW_S]
        failures = sum(recent)
        if failures >= LEAST_FAILURES and failures >= LEAST_RATE * len(recent):
            self._open_until = now + self._pause_s

    def left(self, who: object) -> None:
        """Note an attempt that ended without a verdict: its client went away. The next one is the trial."""
        if self._trial is who:
            self._trial = None
