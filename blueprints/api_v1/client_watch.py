"""Notices that a client has left, also while nothing is being written to it.

The client's socket is watched by the event loop. Where the request's greenlet waits for an upstream, and
only there, ``ClientGone`` is thrown into it: it must never land in the middle of a database transaction.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from types import TracebackType
from typing import Any

import gevent
from gevent import monkey

# The peer has closed its sending side, or the connection is dead. Linux tells the first from mere data.
_GONE = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
_poll = monkey.get_original("select", "poll")
_LOOK_AGAIN_S = 1.0


class ClientGone(BaseException):
    """The client closed its connection. Not an Exception: nothing on the way may take it for a failure."""


class ClientWatch:
    """Watches one client for the time of one request.

    Use it as a context manager around each wait: ``with watch: upstream.read()``.
    """

    def __init__(self, environ: dict[str, Any], go_on: Callable[[], None] | None = None) -> None:
        """Watch the socket of a request; without one (in a test client) nobody ever leaves.

        ``go_on`` is called when a wait has come to a good end; it may let others go first.
        """
        self.is_gone = False
        self._go_on = go_on
        self._waiting: Any = None
        self._watcher: Any = None
        client = environ.get("gunicorn.socket")
        if client is None:
            return
        self._fd = client.fileno()
        loop = gevent.get_hub().loop
        self._watcher = loop.io(self._fd, 1)
        self._watcher.start(self._readable)

    def __enter__(self) -> None:
        """Begin a wait.

        Raises:
            ClientGone: the client has left already.
        """
        if self.is_gone:
            raise ClientGone
        self._waiting = gevent.getcurrent()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End a wait."""
        self._waiting = None
        if error is None and self._go_on is not None:
            self._go_on()

    def stop(self) -> None:
        """Stop watching; call it before the socket goes back to the server."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None

    def give_up(self) -> None:
        """Take the client for gone, from any greenlet: what is done for it ends at its next wait."""
        gevent.get_hub().loop.run_callback(self._tell)

    def _readable(self) -> None:
        # Runs in the event loop's own greenlet.
        if self._peer_has_left():
            self._tell()
            return
        # The client sent its next request already: the socket stays readable, so look now and then instead.
        self.stop()
        self._watcher = gevent.get_hub().loop.timer(_LOOK_AGAIN_S, _LOOK_AGAIN_S)
        self._watcher.start(self._look_again)

    def _look_again(self) -> None:
        if self._peer_has_left():
            self._tell()

    def _peer_has_left(self) -> bool:
        return has_left(self._fd)

    def _tell(self) -> None:
        self.is_gone = True
        self.stop()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.throw(ClientGone)


def has_left(client_fd: int) -> bool:
    """Tell whether the client at a socket has closed its connection."""
    poll = _poll()
    poll.register(client_fd, _GONE)
    return bool(poll.poll(0))
