"""Which route a conversation was answered by, so that the upstream's prompt cache keeps working."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from msgspec import Struct

from catalog.model import Route

KEPT_S = 3600.0
"""Upstreams keep a prompt for minutes, some for an hour; after that nothing is lost by another route."""
MOST_CONVERSATIONS = 20_000


class Recalled(Struct, frozen=True):
    """Who answered a conversation last: upstream and model, since when, and when for the last time (monotonic)."""

    route: tuple[str, str]
    since: float
    used_at: float


class Stickiness:
    """The last route of each conversation of this process, the least recently used forgotten first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST_CONVERSATIONS) -> None:
        """Remember at most ``most`` conversations."""
        self._clock = clock
        self._most = most
        self._routes: OrderedDict[tuple[str, int], Recalled] = OrderedDict()

    def recall(self, alias: str, conversation: int) -> Recalled | None:
        """Return who answered last, None when that is too long ago or not known."""
        found = self._routes.get((alias, conversation))
        if found is None:
            return None
        if self._clock() - found.used_at > KEPT_S:
            del self._routes[(alias, conversation)]
            return None
        return found

    def remember(self, alias: str, conversation: int, route: Route) -> None:
        """Note who has just answered."""
        key, now, name = (alias, conversation), self._clock(), (route.upstream.name, route.model)
        found = self._routes.get(key)
        since = now if found is None or found.route != name else found.since
        self._routes[key] = Recalled(name, since, now)
        self._routes.move_to_end(key)
        if len(self._routes) > self._most:
            self._routes.popitem(last=False)
