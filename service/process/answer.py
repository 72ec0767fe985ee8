"""An answer on its way to the client: gunicorn's own, but its head leaves together with the body's first piece.

What is allowed in status and headers is checked as gunicorn checks it. A piece is one system call and, if it fits,
one packet, whatever it is framed in.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from gunicorn import util
from gunicorn.http.errors import InvalidResponseHeader, InvalidResponseHeaderName
from gunicorn.http.message import TOKEN_RE
from gunicorn.http.wsgi import HEADER_VALUE_RE, Response

from service.process.waits import WaitOver, Waits

_dates: dict[int, str] = {}  # of the current second alone


class Answer(Response):  # type: ignore[misc]
    """The answer to one request."""

    headers_sent: bool

    def __init__(self, request: Any, sock: Any, settings: Any, waits: Waits, is_last: Callable[[], bool]) -> None:
        """Answer ``request`` on ``sock``; ``waits`` are those for clients that do not take what is sent to them.

        ``is_last`` tells, when the head is made, whether the connection ends.
        """
        super().__init__(request, sock, settings)
        self._waits = waits
        self._is_last = is_last
        self._unsent = b""

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Take the application's headers, without those that are the server's own.

        Raises:
            TypeError: a name or value is no text.
            InvalidResponseHeaderName: a name is no token (RFC 9110, section 5.1).
            InvalidResponseHeader: a value holds what no header may hold, such as the end of a line.
        """
        for name, value in headers:
            if not isinstance(value, str):
                raise TypeError(f"{value!r} is not a string")
            if not HEADER_VALUE_RE.fullmatch(value):
                raise InvalidResponseHeader(repr(name))  # the value may be a secret
            kind = _kind(name)
            if kind == "hop":
                if value.lower() == "upgrade":  # the header is Connection
                    self.upgrade = True
                continue
            value = value.strip(" \t")
            if kind == "content-length":
                self.response_length = int(value)
            self.headers.append((name, value))

    @property
    def is_short(self) -> bool:
        """Whether less has been sent than the head told: a further answer would be taken for the rest."""
        return self.response_length is not None and self.sent < self.response_length and not self._omits_body

    def send_headers(self) -> None:
        """Send the head alone, where no piece of a body follows.

        Raises:
            WaitOver: the client does not take it, and the connection has to make room for others.
        """
        if not self.headers_sent:
            self.headers_sent = True
            self._send(self._head())

    def write(self, arg: bytes) -> None:
        """Send a piece of the body, the first one behind the head.

        Raises:
            WaitOver: as ``send_headers``.
        """
        if not self.headers_sent:
            self.headers_sent = True
            self._unsent = self._head()
        super().write(arg)
        if self._unsent:  # nothing of the piece may be sent
            self._emit_body(b"")

    def _emit_body(self, data: bytes) -> None:
        if self.chunked and data:
            data = b"%X\r\n%b\r\n" % (len(data), data)
        unsent, self._unsent = self._unsent, b""
        self._send(unsent + data if unsent else data)

    def _send(self, data: bytes) -> None:
        with self._waits:
            sent = self.sock.send(data)  # mostly all of it; `sendall` asks the socket for its buffer's size each time
            if sent < len(data):
                self.sock.sendall(memoryview(data)[sent:])
            return
        raise WaitOver

    def _head(self) -> bytes:
        if self._is_last():
            self.force_close()
        connection = "upgrade" if self.upgrade else "close" if self.should_close() else "keep-alive"
        major, minor = self.req.version
        lines = [
            f"HTTP/{major}.{minor} {self.status}\r\nServer: {self.version}\r\nDate: {_date()}\r\n"
            f"Connection: {connection}\r\n"
        ]
        if self.chunked:
            lines.append("Transfer-Encoding: chunked\r\n")
        lines += [f"{name}: {value}\r\n" for name, value in self.headers]
        lines.append("\r\n")
        return "".join(lines).encode("latin-1")


@lru_cache(maxsize=1024)
def _kind(name: str) -> str:
    """Return how a header of this name is treated: ``hop``, ``content-length`` or nothing special."""
    if not isinstance(name, str):
        raise TypeError(f"{name!r} is not a string")
    if not TOKEN_RE.fullmatch(name):
        raise InvalidResponseHeaderName(repr(name))
    lowered = name.lower()
    return "hop" if util.is_hoppish(name) else lowered if lowered == "content-length" else ""


def _date() -> str:
    now = int(time.time())
    date = _dates.get(now)
    if date is None:
        _dates.clear()
        date = _dates[now] = util.http_date(now)
    return date
