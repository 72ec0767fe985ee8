"""A time limit for the bodies of forms: one that trickles in must not hold a connection for hours.

The API has a limit of its own (``blueprints.api_v1.body``), for bodies that may be large.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import gevent
from werkzeug.exceptions import RequestTimeout

from middleware.api_paths import is_api_path

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ARRIVAL_S = 10.0
"""For at most 16 KB, which is one packet or a few."""


class FormTime:
    """WSGI middleware inside ``ApiPaths``: whoever reads a page's body is told when its time is over."""

    def __init__(self, app: WSGIApplication, arrival_s: float = ARRIVAL_S) -> None:
        """Give each body ``arrival_s`` from the first look at it."""
        self._app = app
        self._arrival_s = arrival_s

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve the request, with the limit in its body if it is one for a page."""
        if not is_api_path(environ.get("PATH_INFO", "")):
            environ["wsgi.input"] = _TimedBody(environ["wsgi.input"], self._arrival_s)
        return self._app(environ, start_response)


class _TimedBody:
    """A body as Werkzeug reads it."""

    def __init__(self, stream: Any, arrival_s: float) -> None:
        self._stream = stream
        self._arrival_s = arrival_s
        self._ends_at: float | None = None

    def read(self, size: int = -1) -> bytes:
        """Read at most ``size`` bytes.

        Raises:
            RequestTimeout: the time of the whole body is over.
        """
        return self._in_time(lambda: self._stream.read(size))

    def readline(self, size: int = -1) -> bytes:
        """Read a line; as ``read``."""
        return self._in_time(lambda: self._stream.readline(size))

    def _in_time(self, read: Any) -> bytes:
        if self._ends_at is None:
            self._ends_at = time.monotonic() + self._arrival_s
        left = max(0.001, self._ends_at - time.monotonic())
        with gevent.Timeout(left, RequestTimeout()):
            piece: bytes = read()
            return piece
