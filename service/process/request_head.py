"""The head of a request: gunicorn's parser, with a bound on the head as a whole, and the environ made of it.

gunicorn bounds the request line, each header and their number, which together are 1.6 MB a connection, and it looks
through all of it again with each packet.
"""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gunicorn import util
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import base_environ

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MOST_BYTES = 64 * 1024
"""Of a head. Agents send up to 16 KB in one header; nginx takes 32 KB in all."""


class Head(Request):  # type: ignore[misc]
    """One request's head, and the reader of its body."""

    def read_into(self, unreader: Any, buf: bytearray, stop: bool = False) -> None:
        """Read what has come.

        Raises:
            LimitRequestHeaders: the head is too large as a whole.
        """
        super().read_into(unreader, buf, stop)
        if len(buf) > MOST_BYTES + unreader.mxchunk:  # the last read may hold the beginning of a body
            raise LimitRequestHeaders("too large as a whole")

    @property
    def is_awaited(self) -> bool:
        """Whether the client waits for a word before it sends the body."""
        return bool(self._expected_100_continue)

    def _peer_is_trusted_proxy(self) -> bool:
        return False  # by gunicorn; what proxies say is judged by the service itself


class HeadParser(RequestParser):  # type: ignore[misc]
    """The requests of one connection, one after the other."""

    mesg_class = Head


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


@lru_cache(maxsize=1024)
def _key(name: str) -> str:
    key = name.replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
