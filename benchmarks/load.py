"""The load generator: raw sockets and one epoll, so that it costs a fraction of what it measures.

While a round's clock runs it only sends prepared bytes, notes when which bytes came, and sees whether an answer
is complete. What the answers say is looked at afterwards (``answers``). All times are ``time.monotonic()``.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Sequence

from benchmarks.exchange import Exchange
from benchmarks.sources import NEVER, Source, Timed

RECEIVE_BYTES = 256 * 1024
STALLED_S = 30.0  # without any byte: the server has stopped answering


class LoadStalled(Exception):
    """A server under load said nothing for ``STALLED_S`` seconds, or takes no connection."""


class _Pool:
    """The open connections of all sources to this machine."""

    def __init__(self, port: int, sources: Sequence[Source]) -> None:
        self._port = port
        self._poll = select.epoll()
        self._sockets: dict[int, tuple[socket.socket, Source]] = {}
        self._running: dict[int, Exchange] = {}
        self._unsent: dict[int, memoryview] = {}
        for source in sources:
            while source.to_open and not source.is_lazy:
                source.to_open -= 1
                self._connect(source)

    @property
    def running(self) -> int:
        """How many requests wait for the end of their answers."""
        return len(self._running)

    def close(self) -> None:
        """Close all connections."""
        self._poll.close()
        for connection, _ in self._sockets.values():
            connection.close()

    def send(self, source: Source, now: float) -> None:
        """Send a source's next request on one of its idle connections, or on a new one."""
        if not source.idle:
            source.to_open -= 1
            self._connect(source)
        place = source.idle.popleft()
        request, self._running[place] = source.take(now)
        try:
            sent = self._sockets[place][0].send(request)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # epoll tells of the broken connection
        if sent < len(request):
            self._unsent[place] = memoryview(request)[sent:]
            self._poll.modify(place, select.EPOLLIN | select.EPOLLOUT)

    def receive(self, timeout_s: float) -> int:
        """Wait for bytes and give them to their exchanges; return how many connections had something."""
        if timeout_s < STALLED_S:
            # epoll's own timeout counts in milliseconds
            select.select([self._poll], [], [], timeout_s)
            timeout_s = 0
        happened = self._poll.poll(timeout_s)
        for place, what in happened:
            if what & select.EPOLLOUT:
                self._send_rest(place)
            if what & ~select.EPOLLOUT:
                self._read(place)
        return len(happened)

    def _read(self, place: int) -> None:
        connection, source = self._sockets[place]
        exchange = self._running.get(place)
        try:
            data = connection.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        now = time.monotonic()
        if not data:
            self._renew(place, exchange, now)
        elif exchange is not None and exchange.take(data, now):
            del self._running[place]
            source.idle.append(place)
            source.done.append(exchange)

    def _renew(self, place: int, exchange: Exchange | None, now: float) -> None:
        """Replace a connection that the server closed."""
        connection, source = self._sockets.pop(place)
        self._poll.unregister(place)
        self._unsent.pop(place, None)
        connection.close()
        if exchange is None:
            source.idle.remove(place)
        else:
            exchange.is_broken, exchange.ended_at = True, now
            source.done.append(self._running.pop(place))
        self._connect(source)

    def _send_rest(self, place: int) -> None:
        rest = self._unsent.pop(place)
        try:
            sent = self._sockets[place][0].send(rest)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = len(rest)
        if sent < len(rest):
            self._unsent[place] = rest[sent:]
        else:
            self._poll.modify(place, select.EPOLLIN)

    def _connect(self, source: Source) -> None:
        try:
            connection = socket.create_connection(("127.0.0.1", source.port or self._port), timeout=10)
        except OSError as error:
            raise LoadStalled from error
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self._sockets[connection.fileno()] = connection, source
        self._poll.register(connection.fileno(), select.EPOLLIN)
        source.idle.append(connection.fileno())


def drive(port: int, *sources: Source, when_all_begun: Callable[[], None] | None = None) -> None:
    """Let all sources send until each has had its last answer; their ``done`` holds what came.

    ``when_all_begun`` is called once, when every answer of the first source, a ``Timed``, has begun.

    Raises:
        LoadStalled: the server stopped answering.
    """
    pool = _Pool(port, sources)
    try:
        start = last_byte_at = time.monotonic()
        for source in sources:
            source.begin(start)
        while True:
            now = time.monotonic()
            next_at = NEVER
            for source in sources:
                while (at := source.next_at(now)) <= now and (source.idle or source.to_open):
                    pool.send(source, now)
                if source.idle or source.to_open:
                    next_at = min(next_at, at)
            if next_at == NEVER and not pool.running:
                return
            happened = pool.receive(min(STALLED_S, max(0.0, next_at - now)))
            if happened or not pool.running:
                last_byte_at = now
            elif now - last_byte_at >= STALLED_S:
                raise LoadStalled
            if when_all_begun and isinstance(sources[0], Timed) and sources[0].all_begun:
                when_all_begun()
                when_all_begun = None
    finally:
        pool.close()
