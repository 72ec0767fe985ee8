"""The client's socket as bytes: sending, waiting while watching the client, breaking the connection."""

import socket
import struct
import time
from typing import Any

import gevent
from gevent.socket import wait_read

_WATCHED = 0.1  # seconds; shorter waits end with a write, which notices a client that has left
_LINGER_ZERO = struct.pack("ii", 1, 0)


class ClientGone(Exception):
    """The client has closed its connection."""


class Broken(Exception):
    """The script has ended this connection; nothing more can be sent on it."""


class Wire:
    """One request's view of the socket."""

    def __init__(self, sock: Any, *, http_1_0: bool = False, keep_alive: bool = True) -> None:
        self._sock = sock
        self._talking = False  # the client has sent more already: readable no longer means gone
        self.http_1_0 = http_1_0
        self.keep_alive = keep_alive
        self.started = False
        self.events = 0

    def send(self, data: bytes) -> None:
        """Write all of ``data``. Raises ClientGone."""
        self.started = True
        try:
            self._sock.sendall(data)
        except OSError as exc:
            raise ClientGone from exc

    def pause(self, seconds: float) -> None:
        """Wait; a client that leaves meanwhile is noticed at once. Raises ClientGone."""
        if seconds < _WATCHED or self._talking:
            gevent.sleep(seconds)
            return
        deadline = time.monotonic() + seconds
        try:
            wait_read(self._sock.fileno(), timeout=seconds, timeout_exc=TimeoutError())
            gone = not self._sock.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return
        except OSError as exc:
            raise ClientGone from exc
        if gone:
            raise ClientGone
        self._talking = True
        gevent.sleep(max(0.0, deadline - time.monotonic()))

    def reset(self) -> None:
        """Close so that the client sees "connection reset by peer". Raises Broken."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._sock.close()
        raise Broken

    def drop(self) -> None:
        """Close in the middle of a message. Raises Broken."""
        raise Broken
