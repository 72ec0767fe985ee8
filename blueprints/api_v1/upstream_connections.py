"""Connections to upstreams, kept and used again: requests' own adapter with what long answers need."""

from __future__ import annotations

from http.client import RemoteDisconnected
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ProtocolError

KEPT_CONNECTIONS = 256
# For a request's bytes to leave. urllib3 would allow them the time for connecting, too short for an image
# over a slow line.
SEND_S = 60.0


class StaleConnection(ProtocolError):
    """The upstream had closed a kept connection: it has seen nothing of the request, which may be sent anew."""


class UpstreamAdapter(HTTPAdapter):
    """Keeps one upstream's connections; retries nothing by itself."""

    def __init__(self) -> None:
        """Open nothing yet."""
        super().__init__(pool_connections=1, pool_maxsize=KEPT_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make pools of the connections below."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class _Reused:
    """Tells a connection that broke at its first use from one that had served before."""

    sock: Any
    _served = 0

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._served = 0

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self.sock.settimeout(SEND_S)
        super().send(data)  # type: ignore[misc]

    def getresponse(self) -> Any:
        try:
            answer = super().getresponse()  # type: ignore[misc]
        except (RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            if self._served:
                raise StaleConnection("a kept connection was closed", error) from error
            raise
        self._served += 1
        return answer


class _Connection(_Reused, HTTPConnection):
    pass


class _SecureConnection(_Reused, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
