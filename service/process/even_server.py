"""A server on a listening socket that workers share: it leaves connections to those that hold clearly fewer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from gevent.pool import Pool
from gevent.server import StreamServer

from .connection_shares import Share

MOST_IN_A_TURN = 100
LEFT_FOR_S = 0.003
"""Then it is taken all the same: the other worker has a long piece of work, or stands still."""
STANDS_STILL, NOTHING_FOR_S = 20, 0.2
"""After so many left in vain, one after the other, nothing is left for so long: another worker stands still."""


class EvenServer(StreamServer):  # type: ignore[misc]
    """Accepts connections where no other worker of the same socket holds clearly fewer."""

    def __init__(self, listener: Any, handle: Callable[..., None], pool: Pool, share: Share | None) -> None:
        """Serve on a listening socket; ``share`` is the worker's, None where it knows of no other."""
        super().__init__(listener, handle=handle, spawn=pool)
        self._share = share
        self._leaves_from = 0.0  # monotonic clock
        self._left_in_vain = 0
        self._has_taken = False

    def do_read(self) -> Any:
        """Accept a connection, or leave it to another worker for a moment; None if there is none."""
        if self._share is not None and self._share.is_larger() and time.monotonic() >= self._leaves_from:
            self.stop_accepting()
            self._timer = self.loop.timer(LEFT_FOR_S)
            self._timer.start(self._take_what_was_left)
            return None
        taken = super().do_read()
        self._has_taken |= taken is not None
        return taken

    def _do_read(self) -> None:
        # Beside others one in a turn of the loop: they have woken up, too, and what is taken is counted in the next.
        self.max_accept = 1 if self._share is not None and self._share.has_others() else MOST_IN_A_TURN
        super()._do_read()

    def _take_what_was_left(self) -> None:
        self._leaves_from = time.monotonic() + LEFT_FOR_S
        self._has_taken = False
        self._start_accepting_if_started()
        self._do_read()
        self._left_in_vain = self._left_in_vain + 1 if self._has_taken else 0
        self._leaves_from = 0.0
        if self._left_in_vain >= STANDS_STILL:
            self._leaves_from = time.monotonic() + NOTHING_FOR_S
            self._left_in_vain //= 2
