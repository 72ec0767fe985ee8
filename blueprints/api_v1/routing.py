"""From a profile to the routes that are tried for a request, in order. A choice; nothing is sent."""

from __future__ import annotations

import random
from itertools import groupby

from catalog.model import Profile, Route

MAX_ATTEMPTS = 4


def routes_in_order(profile: Profile) -> list[Route]:
    """Return the routes to try: by ``order``; those of one order drawn by weight, weight 0 last."""
    chosen: list[Route] = []
    for _, equals in groupby(profile.routes, key=lambda route: route.order):
        chosen += _drawn_by_weight(list(equals))
    return chosen[:MAX_ATTEMPTS]


def _drawn_by_weight(equals: list[Route]) -> list[Route]:
    if len(equals) == 1:
        return equals
    # Each gets a random key that a larger weight pushes upwards (Efraimidis and Spirakis, 2006).
    keys = {id(route): _key(route.weight) for route in equals}
    return sorted(equals, key=lambda route: keys[id(route)], reverse=True)


def _key(weight: int) -> float:
    return -1.0 if weight == 0 else random.random() ** (1 / weight)  # noqa: S311  (spreads load, guards nothing)
