"""Which route a conversation was answered by, so that the upstream's prompt cache keeps working."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from catalog.model import Route

KEPT_S = 3600.0
"""Upstreams keep a prompt for minutes, some for an hour; after that nothing is lost by another route."""
MOST_CONVERSATIONS = 20_000


class Stickiness:
    """The last route of each conversation of this process, the least recently used forgotten first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST_CONVERSATIONS) -> None:
        """Remember at most ``most`` conversations."""
        self._clock = clock
        self._most = most
        self._routes: OrderedDict[tuple[str, int], tuple[tuple[str, str], float]] = OrderedDict()

    def recall(self, alias: str, conversation: int) -> tuple[str, str] | None:
        """Return upstream and model that answered last, None when that is too long ago or not known."""
        found = self._routes.get((alias, conversation))
        if found is None:
            return None
        if self._clock() - found[1] > KEPT_S:
            del self._routes[(alias, conversation)]
            return None
        return found[0]

    def remember(self, alias: str, conversation: int, route: Route) -> None:
        """Note who has just answered."""
        self._routes[(alias, conversation)] = ((route.upstream.name, route.model), self._clock())
        self._routes.move_to_end((alias, conversation))
        if len(self._routes) > self._most:
            self._routes.popitem(last=False)
