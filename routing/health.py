"""What this process has learnt of each route. Every worker learns by itself, within a few requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal

from catalog.model import Route

from .breaker import Breaker, State
from .pace import Pace
from .record import RouteRecord

LONGEST_PAUSE_S = 60.0
"""An upstream may ask for more; after this long it is asked again."""

WhyLeftOut = Literal["breaker_open", "trial_under_way", "rate_limited"]


class RouteHealth:
    """One model of one upstream, as it did lately; shared by all profiles that lead to it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Know nothing: healthy, its pace unknown."""
        self._clock = clock
        self._breaker = Breaker()
        self._paused_until = 0.0
        self._paces = {False: Pace(), True: Pace()}
        self.record = RouteRecord()
        self.takes_no_effort = False
        """It refused every reasoning effort, so it gets none."""

    def why_left_out(self) -> WhyLeftOut | None:
        """Return why nothing may be sent now; None when something may."""
        now = self._clock()
        if now < self._paused_until:
            return "rate_limited"
        if self._breaker.wait_s(now) == 0:
            return None
        return "breaker_open" if self._breaker.state(now) == "open" else "trial_under_way"

    def wait_s(self) -> float:
        """Return in how many seconds something may be sent again; 0 for now."""
        now = self._clock()
        return max(self._paused_until - now, self._breaker.wait_s(now), 0.0)

    def state(self) -> State:
        """Return the breaker's state."""
        return self._breaker.state(self._clock())

    def enter(self, attempt: object, *, stream: bool) -> WhyLeftOut | None:
        """Let an attempt begin and return None, or return why not. It is told of by one of the four below."""
        why = self.why_left_out()
        if why is None:
            self.enter_anyway(attempt, stream=stream)
        return why

    def enter_anyway(self, attempt: object, *, stream: bool) -> None:
        """Let an attempt begin: there is no other route to go to. If it succeeds the route is well again."""
        now = self._clock()
        self._breaker.enter(now, attempt)
        self._paces[stream].begin(now)

    def succeeded(self, attempt: object, *, stream: bool, seconds: float) -> None:
        """Note a first output (of a stream) or a whole answer after ``seconds``."""
        now = self._clock()
        self._breaker.succeeded(now, attempt)
        self._paces[stream].measured(now, seconds)
        self.record.output(now, seconds, stream=stream)

    def failed(self, attempt: object, *, stream: bool, seconds: float) -> None:
        """Note a failure that is the upstream's; a slow one makes the route slow."""
        now = self._clock()
        self._breaker.failed(now, attempt)
        pace = self._paces[stream]
        if pace.seconds is not None and seconds > pace.seconds:
            pace.measured(now, seconds)

    def rate_limited(self, attempt: object, seconds: float) -> None:
        """Note that the upstream wants to be left alone for so long."""
        self._breaker.left(attempt)
        self._paused_until = max(self._paused_until, self._clock() + min(seconds, LONGEST_PAUSE_S))
        self.record.rate_limits += 1

    def left(self, attempt: object) -> None:
        """Note an attempt that says nothing of the route: the client's own error, or the client went away."""
        self._breaker.left(attempt)

    def pace(self, *, stream: bool) -> Pace:
        """Return what is known of the time to the first output."""
        return self._paces[stream]

    def told(self) -> dict[str, Any]:
        """Return all that is known as values of JSON, for whoever looks on; pauses in seconds from now."""
        now = self._clock()
        return {
            "state": self.state(),
            "wait_s": round(self._breaker.wait_s(now), 1),
            "pause_s": round(max(0.0, self._paused_until - now), 1),
            "takes_no_effort": self.takes_no_effort,
            **self.record.told(),
        }


class Health:
    """The health of all routes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet."""
        self.clock = clock
        self._known: dict[tuple[str, str], RouteHealth] = {}

    def of(self, route: Route) -> RouteHealth:
        """Return what is known of a route."""
        key = (route.upstream.name, route.model)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = RouteHealth(self.clock)
        return found

    def last_output(self) -> float:
        """Return when any route last gave output (Unix seconds); 0: never."""
        return max((each.record.last_output for each in self._known.values()), default=0.0)

    def told(self) -> list[dict[str, Any]]:
        """Return what is known of each route that was tried or looked at, as values of JSON."""
        return [
            {"upstream": upstream, "model": model, **each.told()} for (upstream, model), each in self._known.items()
        ]
