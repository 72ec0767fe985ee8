"""What routing did for one request, as the usage log keeps it: JSON of a few hundred bytes, without content.

docs/routing.md, "Receipts", tells what each key means. Times are milliseconds since the request came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from catalog.model import Route

from .router import RoutePlan

MOST_ENTRIES = 32
"""Of each list: a request with many parts may make many attempts."""


def route_name(route: Route) -> str:
    """Return how operators read a route: upstream and model."""
    return f"{route.upstream.name}/{route.model}"


class Receipt:
    """Grows with the attempts of one request."""

    def __init__(self, plan: RoutePlan, milliseconds: Callable[[], int]) -> None:
        """Begin with what the plan found; ``milliseconds`` tells the time since the request came."""
        self._plan = plan
        self._milliseconds = milliseconds
        self._passed_over = [[route_name(route), str(why)] for route, why in plan.passed_over]
        self._attempts: list[dict[str, Any]] = []

    def passed_over(self, route: Route, why: str) -> None:
        """Note a route that was left out when its turn came."""
        self._passed_over.append([route_name(route), why])

    def begin(self, route: Route, effort: str | None) -> None:
        """Note that a request is sent."""
        attempt: dict[str, Any] = {"route": route_name(route), "at": self._milliseconds()}
        if effort is not None:
            attempt["effort"] = effort
        self._attempts.append(attempt)

    def output(self) -> None:
        """Note the running attempt's first output."""
        self._attempts[-1].setdefault("output", self._milliseconds())

    def end(self, how: str) -> bool:
        """Note how the running attempt ended: ``completed``, or an error's code; false when that is known already."""
        if not self._attempts or "end" in self._attempts[-1]:
            return False
        self._attempts[-1] |= {"end": self._milliseconds(), "how": how}
        return True

    def told(self) -> dict[str, Any]:
        """Return the receipt as values of JSON."""
        features = self._plan.features
        return {
            "reason": self._plan.reason,
            "speed": features.speed,
            "tokens": features.prompt_tokens,
            "routes": [route_name(route) for route in self._plan.routes[:MOST_ENTRIES]],
            "passed_over": self._passed_over[:MOST_ENTRIES],
            "attempts": self._attempts[:MOST_ENTRIES],
        }

    def text(self) -> str:
        """Return the receipt as the usage log keeps it."""
        return orjson.dumps(self.told()).decode()
