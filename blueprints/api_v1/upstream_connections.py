"""What ``requests`` sends by: its transport adapter, on connections of our own that are kept and used again."""

from __future__ import annotations

import ssl
import time
import weakref
import zlib
from collections import deque
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from .upstream_body import BodyCut, UpstreamBody
from .upstream_head import BadHead
from .upstream_wire import Wire, wire_to

KEPT_CONNECTIONS = 256
# Whoever forgets idle connections on the way, without a word, does so after some minutes.
IDLE_S = 90.0
_SENT_AT_ONCE = 64 * 1024


class UpstreamAdapter(BaseAdapter):
    """Sends to one upstream; retries nothing by itself, knows no proxies, no redirects and no cookies."""

    def __init__(self) -> None:
        """Open nothing yet."""
        super().__init__()
        self._kept: deque[Wire] = deque()  # the one that waits longest first
        weakref.finalize(self, _close_all, self._kept)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send a request whose body is bytes or None; return the answer with its body unread, as ``raw``.

        ``timeout`` is a pair, both in seconds: for connecting, and from the request's end to the answer's header.
        The other options change nothing: certificates are always checked, and the body is always left to be read.

        Raises:
            StaleConnection: a kept connection had been closed; nothing was seen of the request.
            requests.exceptions.RequestException: no answer came; ``NoConnection``, ``ConnectTimeout`` and
                ``SSLError`` tell that no connection came about, other kinds of ``Timeout`` that time was up.
        """
        connect_s, wait_s = timeout
        parts = _parts(request)
        wire = self._take() or wire_to(request.url or "", connect_s)
        try:
            head = wire.ask(parts, wait_s)
        except BaseException as error:
            wire.close()
            if isinstance(error, requests.exceptions.RequestException):
                raise
            if isinstance(error, TimeoutError):
                raise requests.exceptions.ReadTimeout(str(error)) from error
            if isinstance(error, ssl.SSLError):
                raise requests.exceptions.SSLError(str(error)) from error
            if isinstance(error, BadHead | OSError):
                raise requests.exceptions.ConnectionError(str(error)) from error
            raise
        answer = requests.Response()
        answer.status_code = head.status
        answer.headers = CaseInsensitiveDict(head.headers)
        answer.raw = RawAnswer(UpstreamBody(wire, head, self._keep), head.headers.get("content-encoding", "identity"))
        answer.url = request.url or ""
        answer.request = request
        return answer

    def close(self) -> None:
        """Close the connections that are kept."""
        _close_all(self._kept)

    def _take(self) -> Wire | None:
        while self._kept:
            wire = self._kept.pop()
            if wire.is_silent and wire.idle_since > time.monotonic() - IDLE_S:
                return wire
            wire.close()
        return None

    def _keep(self, wire: Wire) -> None:
        wire.idle_since = time.monotonic()
        self._kept.append(wire)
        while len(self._kept) > KEPT_CONNECTIONS or self._kept[0].idle_since < wire.idle_since - IDLE_S:
            self._kept.popleft().close()


class RawAnswer:
    """The body of an answer as ``requests`` has it: a file."""

    __slots__ = ("_coding", "body")

    def __init__(self, body: UpstreamBody, coding: str) -> None:
        """Nothing is read yet."""
        self.body = body
        self._coding = coding.lower()

    def read(self, most_bytes: int, decode_content: bool = False) -> bytes:
        """Return the body's first ``most_bytes``, or all of it; decode gzip and deflate if told.

        Raises:
            BodyCut: the body was cut, or is not coded as it says.
        """
        raw = self.body.read_most(most_bytes)
        if not decode_content or self._coding not in ("gzip", "x-gzip", "deflate"):
            return raw
        try:
            return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(raw, most_bytes)
        except zlib.error as error:
            raise BodyCut(f"no {self._coding}") from error

    def close(self) -> None:
        """Drop the connection unless the body has been read to its end."""
        self.body.close()


def _close_all(kept: deque[Wire]) -> None:
    while kept:
        kept.pop().close()


def _parts(request: requests.PreparedRequest) -> list[bytes]:
    """Return a request as it is sent: in one piece, so that both sides wake up once, unless that is long."""
    body = request.body or b""
    if not isinstance(body, bytes):
        raise TypeError("the body of a request must be bytes")
    host = urlsplit(request.url or "").netloc
    lines = [f"{request.method} {request.path_url} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return [head + body] if len(body) <= _SENT_AT_ONCE else [head, body]
