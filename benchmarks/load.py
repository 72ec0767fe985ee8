"""The load generator: raw sockets and one epoll, so that it costs a fraction of what it measures.

While a round's clock runs it only sends prepared bytes, notes when which bytes came, and sees whether an answer
is complete. What the answers say is looked at afterwards (``answers``). All times are ``time.monotonic()``.
"""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType

RECEIVE_BYTES = 256 * 1024
LAST_CHUNK = b"\r\n0\r\n\r\n"
STALLED_S = 30.0  # without any byte: the server has stopped answering
EARLY_S = 0.0015  # epoll counts in milliseconds; the rest of a wait is spent looking


class LoadStalled(Exception):
    """A server under load said nothing for ``STALLED_S`` seconds, or takes no connection."""


class Exchange:
    """One request and what came back: the raw bytes, and after how many of them it was when."""

    __slots__ = ("arrivals", "body_at", "due_at", "ended_at", "is_broken", "number", "raw", "sent_at", "size")

    def __init__(self, number: int, due_at: float, sent_at: float) -> None:
        """Begin: nothing has come yet."""
        self.number = number
        self.due_at = due_at
        self.sent_at = sent_at
        self.ended_at = 0.0
        self.raw = bytearray()
        self.arrivals: list[tuple[float, int]] = []
        self.body_at = 0  # where the body begins; 0 until the head is complete
        self.size: int | None = None  # of the whole answer; None: chunked
        self.is_broken = False  # the connection ended first

    def take(self, data: bytes, now: float) -> bool:
        """Add what has come; tell whether the answer is complete."""
        raw = self.raw
        raw += data
        self.arrivals.append((now, len(raw)))
        if not self.body_at and not self._read_head():
            return False
        complete = raw.endswith(LAST_CHUNK) if self.size is None else len(raw) >= self.size
        if complete:
            self.ended_at = now
        return complete

    def _read_head(self) -> bool:
        end = self.raw.find(b"\r\n\r\n")
        if end < 0:
            return False
        self.body_at = end + 4
        head = bytes(self.raw[:end]).lower()
        place = head.find(b"\r\ncontent-length:")
        if place >= 0:
            self.size = self.body_at + int(head[place + 17 :].split(b"\r\n", 1)[0])
        return True


class Connections:
    """Some connections to one port of this machine; ``idle`` are those that wait for a request."""

    def __init__(self, port: int, count: int) -> None:
        """Connect ``count`` times; they are closed with the block."""
        self._port = port
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._running: dict[int, Exchange] = {}
        self.idle: deque[int] = deque()
        for _ in range(count):
            self._connect()

    def __enter__(self) -> Connections:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._poll.close()
        for connection in self._sockets.values():
            connection.close()

    @property
    def running(self) -> int:
        """How many requests wait for the end of their answers."""
        return len(self._running)

    def send(self, request: bytes, number: int, due_at: float, now: float) -> Exchange:
        """Send a request (small enough for the socket's buffer) on an idle connection."""
        place = self.idle.popleft()
        exchange = self._running[place] = Exchange(number, due_at, now)
        if self._sockets[place].send(request) != len(request):
            raise ValueError("the request does not fit the socket's buffer")
        return exchange

    def receive(self, timeout_s: float) -> list[Exchange]:
        """Wait for bytes; return the exchanges that they ended. A connection that the server closed is renewed."""
        ended = []
        for place, _ in self._poll.poll(timeout_s):
            exchange = self._running.get(place)
            try:
                data = self._sockets[place].recv(RECEIVE_BYTES)
            except OSError:
                data = b""
            now = time.monotonic()
            if not data:
                self._poll.unregister(place)
                self._sockets.pop(place).close()
                if exchange is None:
                    self.idle.remove(place)
                else:
                    exchange.is_broken, exchange.ended_at = True, now
                    ended.append(self._running.pop(place))
                self._connect()
            elif exchange is not None and exchange.take(data, now):
                del self._running[place]
                self.idle.append(place)
                ended.append(exchange)
        return ended

    def _connect(self) -> None:
        try:
            connection = socket.create_connection(("127.0.0.1", self._port), timeout=10)
        except OSError as error:
            raise LoadStalled from error
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self._sockets[connection.fileno()] = connection
        self._poll.register(connection.fileno(), select.EPOLLIN)
        self.idle.append(connection.fileno())


def closed_loop(port: int, request: bytes, *, connections: int, seconds: float) -> list[Exchange]:
    """Each connection sends its next request when its answer is complete, for ``seconds``; all are answered.

    Raises:
        LoadStalled: the server stopped answering.
    """
    done: list[Exchange] = []
    with Connections(port, connections) as pool:
        end = time.monotonic() + seconds
        number = 0
        while True:
            now = time.monotonic()
            while now < end and pool.idle:
                pool.send(request, number, now, now)
                number += 1
            if not pool.running:
                return done
            ended = pool.receive(STALLED_S)
            if not ended and time.monotonic() - now >= STALLED_S:
                raise LoadStalled
            done += ended


def scheduled(
    port: int,
    requests: Sequence[bytes],
    *,
    gap_s: float,
    connections: int,
    when_all_begun: Callable[[], None] | None = None,
) -> list[Exchange]:
    """Send each request at its due time, ``gap_s`` apart, or as soon as a connection is idle; all are answered.

    ``when_all_begun`` is called once, when every answer has begun.

    Raises:
        LoadStalled: the server stopped answering.
    """
    done: list[Exchange] = []
    sent: list[Exchange] = []
    with Connections(port, connections) as pool:
        start = time.monotonic() + 0.002
        last_byte_at = start
        while len(done) < len(requests):
            now = time.monotonic()
            while len(sent) < len(requests) and pool.idle and start + len(sent) * gap_s <= now:
                number = len(sent)
                sent.append(pool.send(requests[number], number, start + number * gap_s, now))
            wait_s = STALLED_S
            if len(sent) < len(requests) and pool.idle:
                wait_s = max(0.0, start + len(sent) * gap_s - now - EARLY_S)
            ended = pool.receive(wait_s)
            done += ended
            if ended or pool.running == 0:
                last_byte_at = now
            elif now - last_byte_at > STALLED_S:
                raise LoadStalled
            if when_all_begun and len(sent) == len(requests) and all(each.arrivals for each in sent):
                when_all_begun()
                when_all_begun = None
    return done
