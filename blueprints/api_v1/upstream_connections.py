"""Connections to upstreams, kept and used again: requests' own adapter, doing once what is the same each time."""

from __future__ import annotations

import select
import time
from collections.abc import Mapping
from http.client import RemoteDisconnected
from typing import Any, cast

import requests
from gevent import monkey
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ProtocolError

KEPT_CONNECTIONS = 256
# For a request's bytes to leave. urllib3 would allow them the time for connecting, too short for an image
# over a slow line.
SEND_S = 60.0
_SENT_AT_ONCE = 64 * 1024
# A connection that was closed before a request came breaks as soon as the request is sent. One that breaks later
# may have begun to answer: a generation must not run twice for one request.
_STALE_S = 0.2

_poll = monkey.get_original("select", "poll")


class StaleConnection(ProtocolError):
    """The upstream had closed a kept connection: it has seen nothing of the request, which may be sent anew."""


class UpstreamAdapter(HTTPAdapter):
    """Keeps one upstream's connections; retries nothing by itself, knows no proxies and no cookies."""

    def __init__(self) -> None:
        """Open nothing yet."""
        super().__init__(pool_connections=1, pool_maxsize=KEPT_CONNECTIONS, max_retries=0)
        self._pool: HTTPConnectionPool | None = None

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make pools of the connections below."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: Any,
        proxies: Mapping[str, str] | None = None,
        cert: Any = None,
    ) -> HTTPConnectionPool:
        """Return the one pool: every request goes to the same upstream."""
        if self._pool is None:
            pool = super().get_connection_with_tls_context(request, verify)
            super().cert_verify(pool, request.url or "", verify, cert)  # type: ignore[no-untyped-call]
            self._pool = cast(HTTPConnectionPool, pool)
        return self._pool

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Do nothing: the pool was told once."""

    def request_url(self, request: requests.PreparedRequest, proxies: Mapping[str, str] | None) -> str:
        """Return the address for the request line."""
        return request.path_url

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Return the answer; without cookies, and without guessing the text's encoding."""
        answer = requests.Response()
        answer.status_code = resp.status
        answer.headers = CaseInsensitiveDict(resp.headers)
        answer.raw = resp
        answer.url = req.url or ""
        answer.request = req
        return answer


class _Connection(HTTPConnection):
    """Tells a connection that broke at its first use from one that had served before."""

    sock: Any
    _served = 0
    _sent_at = 0.0
    _held: list[bytes] | None = None

    @property
    def is_connected(self) -> bool:
        """Tell whether the connection is open and silent; asks the system, not the event loop."""
        if self.sock is None:
            return False
        poll = _poll()
        poll.register(self.sock.fileno(), select.POLLIN)
        return not poll.poll(0)

    def connect(self) -> None:
        super().connect()
        self._served = 0

    def request(self, *arguments: Any, **options: Any) -> None:
        self._held = []
        try:
            super().request(*arguments, **options)
            held = self._held
        finally:
            self._held = None
        # Header and body in one packet: both sides wake up once.
        try:
            for part in [b"".join(held)] if sum(map(len, held)) <= _SENT_AT_ONCE else held:
                self.send(part)
        finally:
            self._sent_at = time.monotonic()

    def send(self, data: Any) -> None:
        if self._held is not None:
            self._held.append(data)
            return
        if self.sock is None:
            self.connect()
        self.sock.settimeout(SEND_S)
        super().send(data)

    def getresponse(self) -> Any:
        try:
            answer = super().getresponse()
        except (RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            if self._served and time.monotonic() - self._sent_at <= _STALE_S:
                raise StaleConnection("a kept connection was closed", error) from error
            raise
        self._served += 1
        return answer


class _SecureConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
