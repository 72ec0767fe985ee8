"""A request id for every request, and one JSON log line on standard output when it has ended.

The line holds no query string (links carry secrets there), no header and no content. What a view knows of
its request and wants in the line, it puts into ``log_fields(environ)``.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import orjson

from service.request_ids import new_request_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    OnEnd = Callable[[WSGIEnvironment, int, float, float], object]
    """Takes a request's environment, its status (0: none), and when it came and its last byte left: of the
    monotonic clock, in seconds."""

REQUEST_ID = "smartroute.request_id"
_FIELDS = "smartroute.log_fields"
_TOKEN = re.compile(r"sr_[0-9A-Za-z]{33}")  # pasted into an address by mistake
_LINK = re.compile(r"(?<=/reset/).+|(?<=/invite/).+|(?<=/confirm/).+", re.DOTALL)  # whoever reads it could use it


def request_id_of(environ: WSGIEnvironment) -> str:
    """Return the id of the request: ``req_`` and 32 characters."""
    return cast(str, environ[REQUEST_ID])


def log_fields(environ: WSGIEnvironment) -> dict[str, Any]:
    """Return the dictionary of further fields for the request's log line."""
    return cast("dict[str, Any]", environ[_FIELDS])


class RequestLog:
    """WSGI middleware: numbers requests, answers with ``x-request-id``, writes the log line."""

    def __init__(
        self,
        app: WSGIApplication,
        write: Callable[[bytes], object] | None = None,
        on_end: Sequence[OnEnd] = (),
    ) -> None:
        """Log through ``write`` (default: one unbuffered write to standard output), and tell all of ``on_end``."""
        self._app = app
        self._on_end = on_end
        self._to = write or _to_standard_output
        self._has_failed = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve the request; its line is written when its body has been closed."""
        request_id = environ[REQUEST_ID] = new_request_id()
        environ[_FIELDS] = {}
        body = _LoggedBody(environ, self._write, self._on_end)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            body.status = int(status[:3])
            headers.append(("x-request-id", request_id))
            return start_response(status, headers, exc_info)

        body.chunks = self._app(environ, start)
        return body

    def _write(self, line: bytes) -> None:
        """Write a line; one that nobody takes must not break the client's connection."""
        try:
            self._to(line)
        except OSError as error:
            if self._has_failed:
                return
            self._has_failed = True
            with contextlib.suppress(OSError):
                print(f"request log: lines are lost, standard output takes none: {error}", file=sys.stderr, flush=True)


class _LoggedBody:
    """The answer's body, counted on its way out."""

    def __init__(
        self,
        environ: WSGIEnvironment,
        write: Callable[[bytes], object],
        on_end: Sequence[OnEnd],
    ) -> None:
        self.chunks: Iterable[bytes] = ()
        self.status = 0
        self._environ = environ
        self._write = write
        self._on_end = on_end
        self._started = time.monotonic()
        self._bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self._bytes += len(chunk)
            yield chunk

    def close(self) -> None:
        try:
            close = getattr(self.chunks, "close", None)
            if close is not None:
                close()
        finally:
            ended = time.monotonic()
            self._write(self._line(ended - self._started))
            for tell in self._on_end:
                tell(self._environ, self.status, self._started, ended)

    def _line(self, seconds: float) -> bytes:
        environ = self._environ
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "request_id": environ[REQUEST_ID],
            "method": environ.get("REQUEST_METHOD"),
            "path": _LINK.sub("[link]", _TOKEN.sub("sr_[token]", environ.get("PATH_INFO", ""))),
            "status": self.status,
            "duration_ms": round(seconds * 1000, 1),
            "bytes": self._bytes,
            "address": environ.get("REMOTE_ADDR"),
            **environ[_FIELDS],
        }
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _to_standard_output(line: bytes) -> None:
    os.write(1, line)  # one system call a line: workers share the pipe and must not mix their lines
