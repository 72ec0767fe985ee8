"""``python -m benchmarks.upstream``: the upstream of the benchmarks, so fast that it is never the limit.

Raw sockets, one epoll, bytes that are made once (``upstream_answers``), one heap of what is due. It reads no JSON: it
looks for the mark in the request's body. Prints its address, and ends when its standard input closes.
"""

from __future__ import annotations

import gc
import resource
import select
import socket
import sys
import time
from heapq import heappop, heappush

from benchmarks.upstream_answers import (
    LAST_CHUNK,
    MARK_ENDS,
    MARK_OPENS,
    Paced,
    UnknownMark,
    Whole,
    answer_of,
    models,
    refusal,
)

RECEIVE_BYTES = 1024 * 1024
BACKLOG = 4096
EDGE_BYTES = 64 * 1024  # of a long body: where the mark is looked for first


class Connection:
    """One client: what of its request has come, and what of the answer it has not taken yet."""

    __slots__ = ("fd", "is_open", "pending", "received", "socket", "wanted")

    def __init__(self, connection: socket.socket) -> None:
        """Begin with nothing received."""
        self.socket = connection
        self.fd = connection.fileno()
        self.received = bytearray()
        self.wanted = 0  # bytes of the whole request; 0: its head is not complete; -1: chunked
        self.pending = bytearray()
        self.is_open = True

    def take(self, data: bytes) -> bytes | bytearray | None:
        """Add what has come; give the request when it is whole."""
        if not self.received:
            self.wanted = _size(data)
            if self.wanted == len(data):
                return data
        self.received += data
        if not self.wanted:
            self.wanted = _size(self.received)
        whole = self.received.endswith(LAST_CHUNK) if self.wanted < 0 else 0 < self.wanted <= len(self.received)
        if not whole:
            return None
        request, self.received, self.wanted = self.received, bytearray(), 0
        return request


class Upstream:
    """The server; ``run`` returns when standard input closes."""

    def __init__(self) -> None:
        """Listen on a free port of the loopback interface."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._poll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._answers: dict[bytes, Whole | Paced] = {}
        self._due: list[tuple[float, int, int, Connection, Paced]] = []
        self._streams = 0

    def run(self) -> None:
        """Serve until standard input closes."""
        listener, stdin = self._listener.fileno(), sys.stdin.fileno()
        self._poll.register(listener, select.EPOLLIN)
        self._poll.register(stdin, select.EPOLLIN)
        while True:
            for fd, happened in self._wait():
                if fd == listener:
                    self._accept()
                elif fd == stdin:
                    return
                elif (connection := self._connections.get(fd)) is not None:
                    if happened & select.EPOLLOUT:
                        self._flush(connection)
                    if happened & ~select.EPOLLOUT:
                        self._read(connection)
            if self._due:
                self._send_due()

    def _wait(self) -> list[tuple[int, int]]:
        if not self._due:
            return self._poll.poll()
        # epoll's own timeout counts in milliseconds
        select.select([self._poll], [], [], max(0.0, self._due[0][0] - time.monotonic()))
        return self._poll.poll(0)

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except BlockingIOError:
                return
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[accepted.fileno()] = Connection(accepted)
            self._poll.register(accepted.fileno(), select.EPOLLIN)

    def _read(self, connection: Connection) -> None:
        try:
            data = connection.socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(connection)
            return
        request = connection.take(data)
        if request is not None:
            self._answer(connection, request)

    def _answer(self, connection: Connection, request: bytes | bytearray) -> None:
        if not request.startswith(b"POST "):
            self._send(connection, models())
            return
        mark = _mark(request)
        answer = self._answers.get(mark)
        if answer is None:
            try:
                answer = self._answers[mark] = answer_of(mark)
            except (UnknownMark, ValueError) as error:
                self._send(connection, refusal(f"The request asks for nothing known: {error}"))
                return
        if isinstance(answer, Whole):
            self._send(connection, answer.data)
            return
        self._streams += 1
        self._step(connection, answer, 1, time.monotonic(), self._streams)

    def _send_due(self) -> None:
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            due_at, stream, number, connection, answer = heappop(self._due)
            if connection.is_open:
                self._step(connection, answer, number, due_at, stream)

    def _step(self, connection: Connection, answer: Paced, number: int, due_at: float, stream: int) -> None:
        self._send(connection, answer.step(number, due_at))
        if number <= answer.words:
            heappush(self._due, (due_at + answer.gap_s, stream, number + 1, connection, answer))

    def _send(self, connection: Connection, data: bytes) -> None:
        if connection.pending:
            connection.pending += data
            return
        try:
            sent = connection.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._close(connection)
            return
        if sent < len(data):
            connection.pending += memoryview(data)[sent:]
            self._poll.modify(connection.fd, select.EPOLLIN | select.EPOLLOUT)

    def _flush(self, connection: Connection) -> None:
        data = bytes(connection.pending)
        connection.pending.clear()
        self._poll.modify(connection.fd, select.EPOLLIN)
        self._send(connection, data)

    def _close(self, connection: Connection) -> None:
        if connection.is_open:
            connection.is_open = False
            del self._connections[connection.fd]
            connection.socket.close()


def _size(data: bytes | bytearray) -> int:
    """Bytes of a request whose first ones are here; 0: not known yet; -1: it comes in chunks."""
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        return 0
    place = data.find(b"ontent-Length: ", 0, head_end)
    if place < 0:
        place = data.find(b"ontent-length: ", 0, head_end)
    if place >= 0:
        return head_end + 4 + int(data[place + 15 : data.find(b"\r\n", place)])
    return -1 if b"chunked" in data[:head_end].lower() else head_end + 4


def _mark(request: bytes | bytearray) -> bytes:
    """What stands in double brackets; empty where nothing does."""
    place = request.find(MARK_OPENS, 0, EDGE_BYTES)
    if place < 0:
        place = request.find(MARK_OPENS, max(0, len(request) - EDGE_BYTES))
    if place < 0:
        place = request.find(MARK_OPENS)
    return bytes(request[place + 2 : request.find(MARK_ENDS, place)]) if place >= 0 else b""


def main() -> None:
    """Serve."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    upstream = Upstream()
    print(f"http://127.0.0.1:{upstream.port}/v1", flush=True)
    gc.freeze()
    gc.disable()  # nothing here is circular
    upstream.run()


if __name__ == "__main__":
    main()
