"""From a profile to the routes that are tried for a request, in order, and what was passed over. Nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from catalog.model import Profile, Route

from .choice import Knowledge, Reason, choose
from .eligibility import WhyNot, eligible
from .features import Features
from .health import Health
from .stickiness import Stickiness


class RoutePlan(Struct, frozen=True):
    """What was found for one request. ``routes`` is empty when none of the profile's can take it."""

    features: Features
    routes: tuple[Route, ...]
    reason: Reason | None
    passed_over: tuple[tuple[Route, WhyNot], ...]


class Router:
    """Plans with what this process has learnt, and learns who answered."""

    def __init__(self, health: Health | None = None, stickiness: Stickiness | None = None) -> None:
        """Know nothing yet."""
        self.health = health or Health()
        self._stickiness = stickiness or Stickiness(self.health.clock)
        self._knowledge = Knowledge(self.health, self._stickiness)

    def plan(self, profile: Profile, features: Features) -> RoutePlan:
        """Return which of the profile's routes can take a request, in the order in which to try them."""
        unfit = eligible(profile.routes, features)
        fit: Sequence[Route] = profile.routes
        passed_over: tuple[tuple[Route, WhyNot], ...] = ()
        if unfit:
            fit = [route for place, route in enumerate(profile.routes) if place not in unfit]
            passed_over = tuple((profile.routes[place], why) for place, why in sorted(unfit.items()))
        if not fit:
            return RoutePlan(features, (), None, passed_over)
        choice = choose(profile.alias, features, fit, self._knowledge)
        return RoutePlan(features, choice.routes, choice.reason, passed_over)

    def answered(self, profile: Profile, features: Features, route: Route) -> None:
        """Note who answers a conversation: its next turn goes there as well."""
        if features.conversation is not None:
            self._stickiness.remember(profile.alias, features.conversation, route)
