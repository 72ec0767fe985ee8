"""An upstream on a socket of its own that does exactly what a test says, request by request."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence

Action = Callable[[socket.socket], bool]
"""Answers one request; tells whether the connection stays open."""


def answered(status: int, body: bytes, *, chunked: bool = False) -> Action:
    """Answer, and keep the connection."""
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    sent = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body

    def act(client: socket.socket) -> bool:
        head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%s\r\n\r\n" % (status, framing)
        client.sendall(head + sent)
        return True

    return act


def said(*pieces: bytes, then_close: bool = False, pause_s: float = 0.0) -> Action:
    """Answer with exactly these bytes, with a pause behind each piece."""

    def act(client: socket.socket) -> bool:
        for piece in pieces:
            client.sendall(piece)
            time.sleep(pause_s)
        return not then_close

    return act


def closed_after(seconds: float) -> Action:
    """Close the connection without a word."""

    def act(_client: socket.socket) -> bool:
        time.sleep(seconds)
        return False

    return act


class ScriptedUpstream:
    """Takes the actions one by one, over however many connections come."""

    def __init__(self, actions: Sequence[Action]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._actions = iter(actions)
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self.connections = 0
        self.requests = 0
        self._closed = threading.Semaphore(0)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def wait_until_closed(self, connections: int) -> None:
        """Wait until so many more connections have ended."""
        for _ in range(connections):
            assert self._closed.acquire(timeout=5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while self._read_request(client):
                self.requests += 1
                if not next(self._actions)(client):
                    break
        self._closed.release()

    def _read_request(self, client: socket.socket) -> bool:
        got = b""
        while not got.endswith(b"\r\n\r\n{}"):
            piece = client.recv(4096)
            if not piece:
                return False
            got += piece
        return True


@contextlib.contextmanager
def scripted_upstream(*actions: Action) -> Iterator[ScriptedUpstream]:
    """Listen for the time of a test."""
    upstream = ScriptedUpstream(actions)
    try:
        yield upstream
    finally:
        upstream.close()
