"""One request to the fault server, and the ways to answer it: rightly, wrongly, in parts, or not at all."""

from __future__ import annotations

import json
import socket
import struct
import threading
from typing import Any

from tests.faults.backend import Backend, chat_backend, native_backend

HOLD_S = 60.0
"""Longer than any deadline of the tests: what is held so long has hung."""
SEEN_S = 30.0


class Closed(Exception):
    """The connection is over: the gateway has left, or the server has ended it."""


class Wire:
    """The socket on which one request came, and what was asked.

    ``seen`` is set once the client has read output, so that a fault behind the first output comes behind it for sure.
    """

    def __init__(self, client: socket.socket, path: str, asked: dict[str, Any], seen: threading.Event) -> None:
        self._client = client
        self._seen = seen
        self.stream = bool(asked.get("stream"))
        self.backend: Backend = native_backend if path.endswith("/responses") else chat_backend

    def head(
        self, status: int = 200, content_type: str | None = None, *, length: int | None = None, **more: str
    ) -> None:
        """Send the header alone; without ``length`` the body is chunked. ``more`` are headers, ``_`` for a hyphen."""
        kind = content_type or ("text/event-stream" if self.stream else "application/json")
        framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        lines = [f"HTTP/1.1 {status} Leaky", f"Content-Type: {kind}", framing, "Server: leaky/1.0", "x-leak: leak"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def send(self, raw: bytes) -> None:
        """Send bytes as they are."""
        try:
            self._client.sendall(raw)
        except OSError as error:
            raise Closed from error

    def chunk(self, raw: bytes) -> None:
        """Send one chunk of a chunked body."""
        self.send(b"%x\r\n%s\r\n" % (len(raw), raw))

    def events(self, *told: dict[str, Any]) -> None:
        """Send events in one chunk."""
        self.chunk(b"".join(self.backend.event(one) for one in told))

    def answer(self, body: bytes, status: int = 200, content_type: str | None = None, **more: str) -> None:
        """Send a whole answer, header and body at once."""
        self.head(status, content_type, length=len(body), **more)
        self.send(body)

    def answer_json(self, told: object, status: int = 200, **more: str) -> None:
        """Send a whole JSON answer."""
        self.answer(json.dumps(told).encode(), status, "application/json", **more)

    def end(self) -> None:
        """Send the end of a chunked body."""
        self.send(b"0\r\n\r\n")

    def until_seen(self) -> None:
        """Wait until the client has read output of this answer; what follows cannot come together with it."""
        self._seen.wait(SEEN_S)

    def pause(self, seconds: float) -> None:
        """Say nothing for a while, or until the gateway leaves."""
        self._client.settimeout(seconds)
        try:
            if not self._client.recv(1):
                raise Closed
        except TimeoutError:
            return
        except OSError as error:
            raise Closed from error
        finally:
            self._client.settimeout(None)

    def hold(self) -> None:
        """Say nothing more until the gateway leaves."""
        self.pause(HOLD_S)
        raise Closed

    def reset(self) -> None:
        """End the connection by RST."""
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._client.close()
        raise Closed
