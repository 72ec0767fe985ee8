"""The head of a request: gunicorn's parser, with a bound on the head as a whole, and the environ made of it.

gunicorn bounds the request line, each header and their number, which together are 1.6 MB a connection, and it looks
through all that has come with each packet. Here it gets to see a head when it is whole, or already known to be wrong.
"""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import gevent
from gunicorn import util
from gunicorn.http.errors import InvalidHeader, LimitRequestHeaders, ParseException
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import SocketUnreader
from gunicorn.http.wsgi import base_environ

from service.process.loop_turn import let_others_go_first
from service.process.waits import WaitOver, Waits

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MOST_BYTES = 32 * 1024
"""Of a head, as nginx has it. Agents send up to 16 KB in one header."""


class Head(Request):  # type: ignore[misc]
    """One request's head, and the reader of its body."""

    def read_into(self, unreader: Any, buf: bytearray, stop: bool = False) -> None:
        """Read until the head is whole, or the parser is to refuse what has come.

        Raises:
            LimitRequestHeaders: it is too large as a whole.
        """
        while True:
            before = len(buf)
            super().read_into(unreader, buf, stop and before == 0)
            end = buf.find(b"\r\n\r\n", max(0, before - 3))
            if (len(buf) if end < 0 else end) > MOST_BYTES:
                raise LimitRequestHeaders("too large as a whole")
            if end >= 0 or _has_bare_line_feed(buf, before) or self._is_line_too_long(buf):
                return

    def set_body_reader(self) -> None:
        """Find out where the body ends, and whether the connection ends with it (RFC 9112, sections 6.3 and 9.6).

        Raises:
            InvalidHeader: the body's end is unclear, or no host is asked (section 3.2).
        """
        super().set_body_reader()
        has_host = self.version < (1, 1)
        for name, value in self.headers:
            if name == "HOST":
                has_host = True
            elif name == "CONNECTION" and "close" in {option.strip(" \t") for option in value.lower().split(",")}:
                self.force_close()
        if not has_host:
            raise InvalidHeader("HOST", req=self)

    def _is_line_too_long(self, buf: bytearray) -> bool:
        most = self.limit_request_line + 4  # an empty line may come before it
        return len(buf) > most and buf.find(b"\r\n", 2, most) < 0

    @property
    def is_awaited(self) -> bool:
        """Whether the client waits for a word before it sends the body."""
        return bool(self._expected_100_continue)

    def _peer_is_trusted_proxy(self) -> bool:
        return False  # by gunicorn; what proxies say is judged by the service itself


class Reader(SocketUnreader):  # type: ignore[misc]
    """What comes from a client, in pieces; between two that came at once, others have their turn."""

    max_body_chunk = 64 * 1024  # pieces that are passed over are copied often

    def __init__(self, sock: Any, body_waits: Waits) -> None:
        """Nothing has come yet; ``body_waits`` are those for pieces of a body."""
        super().__init__(sock)
        self._loop = gevent.get_hub().loop
        self._turn = -1
        self._body_waits = body_waits
        self.is_in_head = True

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return what has come, ``b""`` at the end.

        Raises:
            WaitOver: a body is still to come, and the connection has to make room for others.
        """
        if self._turn == self._loop.iteration:
            let_others_go_first()
        self._turn = self._loop.iteration
        if self.is_in_head:
            return bytes(super().chunk(size_hint))
        with self._body_waits:
            return bytes(super().chunk(size_hint))
        raise WaitOver


class HeadParser(RequestParser):  # type: ignore[misc]
    """The requests of one connection, one after the other."""

    mesg_class = Head

    def __init__(self, settings: Any, sock: Any, peer: Any, body_waits: Waits) -> None:
        """Read what ``peer`` sends on ``sock``; ``body_waits`` are those for bodies, the caller waits for heads."""
        super().__init__(settings, sock, peer)
        self.unreader = Reader(sock, body_waits)

    def __next__(self) -> Head:
        """Return the next request's head; one that came together with the last one lets others go first.

        Raises:
            StopIteration: there is none.
        """
        if self.unreader.buf.tell():
            let_others_go_first()
        self.unreader.is_in_head = True
        head: Head = super().__next__()
        self.unreader.is_in_head = False
        return head

    def finish_body(self, *bounds: Any) -> bool:
        """Pass over what nobody has read of a body; tell whether it could be: its request has been answered."""
        try:
            return bool(super().finish_body(*bounds))
        except ParseException:
            return False


class Environs:
    """Makes the environ of each request."""

    def __init__(self, settings: Any) -> None:
        """Take from gunicorn's settings what is the same for all."""
        self._common = {
            **base_environ(settings),
            "wsgi.multithread": True,
            "SCRIPT_NAME": "",
            "wsgi.url_scheme": "http",
        }

    def of(self, head: Head, sock: Any, peer: Any, here: Any) -> WSGIEnvironment:
        """Return the environ of a request that ``peer`` sent to the address ``here``.

        An address is a pair of host and port, or that of a unix socket, which has neither.
        """
        major, minor = head.version
        environ = self._common | {
            "wsgi.input": head.body,
            "gunicorn.socket": sock,
            "REQUEST_METHOD": head.method,
            "QUERY_STRING": head.query,
            "RAW_URI": head.uri,
            "PATH_INFO": util.unquote_to_wsgi_str(head.path),
            "SERVER_PROTOCOL": f"HTTP/{major}.{minor}",
            "REMOTE_ADDR": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "",
        }
        if isinstance(peer, tuple):
            environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = peer[0], str(peer[1])
        if isinstance(here, tuple):
            environ["SERVER_NAME"], environ["SERVER_PORT"] = here[0], str(here[1])
        for name, value in head.headers:
            key = _key(name)
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ


def plain(settings: Any) -> SimpleNamespace:
    """Return gunicorn's settings as attributes that cost nothing: the parser asks for twenty of them a request."""
    values = {name: setting.get() for name, setting in settings.settings.items()}
    return SimpleNamespace(**values, is_ssl=settings.is_ssl)


def _has_bare_line_feed(buf: bytearray, start: int) -> bool:
    return buf.count(b"\n", start) != buf.count(b"\r\n", max(0, start - 1))


@lru_cache(maxsize=1024)
def _key(name: str) -> str:
    key = name.replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
