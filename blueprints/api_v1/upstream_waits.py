"""The waits for what comes on one connection, all bounded by one timer: a timer for each would cost each event some.

Most waits end because something has come. The timer runs on beside them; when it is over it looks who waits still, and
for how long he may.
"""

from __future__ import annotations

import time
from typing import Any

import gevent

_READ = 1


class Waits:
    """Waits until a socket has something to read, by the loop of the thread that it was made in."""

    __slots__ = ("_io", "_late_at", "_loop", "_timer", "_timer_ends", "_waiting")

    def __init__(self, fd: int) -> None:
        """Watch nothing yet."""
        self._loop = gevent.get_hub().loop
        self._io: Any = self._loop.io(fd, _READ)
        self._waiting: Any = None
        self._late_at = 0.0
        self._timer: Any = None
        self._timer_ends = 0.0

    def until(self, late_at: float | None) -> None:
        """Return when something can be read, or the connection has ended; None: whenever that is.

        Raises:
            TimeoutError: it was not so by ``late_at``, of the monotonic clock.
        """
        if late_at is not None:
            self._late_at = late_at
            if self._timer is None or self._timer_ends > late_at:
                self._look_at(late_at)
            self._waiting = gevent.getcurrent()
        try:
            gevent.get_hub().wait(self._io)
        finally:
            self._waiting = None

    def close(self) -> None:
        """Stop watching; call it before the socket is closed."""
        self._io.close()
        self._drop_timer()

    def _look_at(self, end: float) -> None:
        self._drop_timer()
        self._timer_ends = end
        # After the sockets of the same turn: in one that took long, what waits may have come in time.
        self._timer = self._loop.timer(max(0.0, end - time.monotonic()), priority=-1)
        self._timer.start(self._look)

    def _look(self) -> None:
        # Runs in the event loop's own greenlet.
        self._drop_timer()
        waiting = self._waiting
        if waiting is None:
            return
        if time.monotonic() < self._late_at:
            self._look_at(self._late_at)
        else:
            waiting.throw(TimeoutError("nothing came in time"))

    def _drop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.close()
