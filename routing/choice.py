"""The seam for choosing among routes: a request's features and the eligible routes in, an order and a reason out.

Nothing else decides on an order. A choice by what the prompt is would stand in place of ``choose``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import groupby
from typing import Literal

from msgspec import Struct

from catalog.model import Route

from .features import Features
from .health import Health
from .stickiness import Stickiness

STAYS_AWAY_S = 600.0
"""How long a conversation stays on a route that it would not be given today: where it went when its own failed."""

Reason = Literal["same_conversation", "order", "weight", "fastest", "measuring"]


class Choice(Struct, frozen=True):
    """The routes in the order in which they are to be tried, and what decided on the first."""

    routes: tuple[Route, ...]
    reason: Reason


class Knowledge(Struct, frozen=True):
    """What this process has learnt and may choose by."""

    health: Health
    stickiness: Stickiness
    chance: Callable[[], float] = random.random


def choose(alias: str, features: Features, routes: Sequence[Route], known: Knowledge) -> Choice:
    """Order the eligible ``routes`` (one at least, in the catalog's order) for a request to ``alias``; change nothing.

    A conversation goes where it was answered last while that is healthy. Else plans of the speed ``fast`` take
    the lowest measured time to first output, the others the catalog's order, where equals share by weight.
    """
    recalled = None
    if features.conversation is not None:
        recalled = known.stickiness.recall(alias, features.conversation)
    if features.speed == "fast":
        choice = _fastest_first(features, routes, known)
    else:
        choice = _in_order(features, routes, known, is_repeated=recalled is not None)
    # Many conversations may begin with the same words: those that only begin are not the same one.
    if recalled is None or (features.is_first_turn and not features.is_named):
        return choice
    is_recent = known.health.clock() - recalled.since < STAYS_AWAY_S
    for place, route in enumerate(choice.routes):
        if (route.upstream.name, route.model) != recalled.route or known.health.of(route).why_left_out() is not None:
            continue
        if place == 0 or is_recent:
            others = (other for other in choice.routes if other is not route)
            return Choice((route, *others), "same_conversation")
    return choice


def _in_order(features: Features, routes: Sequence[Route], known: Knowledge, *, is_repeated: bool) -> Choice:
    if len(routes) == 1:
        return Choice(tuple(routes), "order")
    groups = [list(equals) for _, equals in groupby(routes, key=lambda route: route.order)]
    if all(len(equals) == 1 for equals in groups):
        return Choice(tuple(routes), "order")
    # Drawn by the conversation itself, every worker and machine comes to the same result without asking another.
    # A script that begins the same conversation again and again is to be spread all the same.
    drawn_by = features.conversation
    if features.is_first_turn and not features.is_named and is_repeated:
        drawn_by = None
    ordered = [route for equals in groups for route in _drawn(equals, drawn_by, known.chance)]
    return Choice(tuple(ordered), "weight" if len(groups[0]) > 1 else "order")


def _drawn(equals: list[Route], drawn_by: int | None, chance: Callable[[], float]) -> list[Route]:
    if len(equals) == 1:
        return equals

    # Each gets a random key that a larger weight pushes upwards (Efraimidis and Spirakis, 2006).
    def key(route: Route) -> float:
        if route.weight == 0:
            return -1.0
        drawn = chance() if drawn_by is None else _fixed_chance(drawn_by, route)
        return float(drawn ** (1 / route.weight))

    keys = {id(route): key(route) for route in equals}
    return sorted(equals, key=lambda route: keys[id(route)], reverse=True)


def _fixed_chance(conversation: int, route: Route) -> float:
    name = f"{conversation} {route.upstream.name} {route.model}".encode()
    return int.from_bytes(blake2b(name, digest_size=7).digest()) / 2**56


def _fastest_first(features: Features, routes: Sequence[Route], known: Knowledge) -> Choice:
    now = known.health.clock()
    paces = {id(route): known.health.of(route).pace(stream=features.stream) for route in routes}

    def rank(route: Route) -> tuple[bool, float]:
        seconds = paces[id(route)].seconds
        return route.weight == 0, float("inf") if seconds is None else seconds

    ordered = sorted(routes, key=rank)
    for route in ordered:
        is_free = route.weight > 0 and known.health.of(route).why_left_out() is None
        if is_free and paces[id(route)].wants_measuring(now):
            others = (other for other in ordered if other is not route)
            return Choice((route, *others), "measuring")
    return Choice(tuple(ordered), "fastest")
