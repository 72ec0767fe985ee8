"""The turns of the event loop: between any two it looks at every socket and every timer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent


def let_others_go_first() -> None:
    """Return in the loop's next turn. After ``gevent.sleep(0)`` up to fifty may go on in the same one."""
    hub = gevent.get_hub()
    with hub.loop.timer(0) as next_turn:
        hub.wait(next_turn)


class AtTurnsEnd:
    """Calls something at the end of each turn of the loop, after all that came by sockets and timers, while it is on.

    Meanwhile the loop does not sleep.
    """

    def __init__(self, call: Callable[[], None]) -> None:
        """Begin switched off; the loop is that of whoever switches it on."""
        self._call = call
        self._watchers: list[Any] = []

    def on(self) -> None:
        """Call from now on; changes nothing if it is on."""
        if self._watchers:
            return
        loop = gevent.get_hub().loop
        keeps_awake, ends = loop.idle(), loop.check(priority=loop.MINPRI)
        keeps_awake.start(_nothing)
        ends.start(self._call)
        self._watchers = [keeps_awake, ends]

    def off(self) -> None:
        """Call no more."""
        while self._watchers:
            watcher = self._watchers.pop()
            watcher.stop()
            watcher.close()


def _nothing() -> None:
    pass
