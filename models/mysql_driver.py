"""The driver's connection, with one TLS context for all. Imported only where it is needed.

Where the database's URL asks for no TLS, the driver takes it from a server that offers it, without looking at the
server's certificate. For that it would read all of the machine's certificates anew for each connection: 16 ms in
which the event loop stands still, twenty times in a worker that has just begun, under load.
"""

from __future__ import annotations

import functools
import ssl
from typing import Any

from pymysql.connections import Connection


class MysqlConnection(Connection):  # type: ignore[misc]
    """PyMySQL's; with TLS options in the URL (``ssl_ca`` and the like) it is in nothing else than that."""

    def _create_ssl_ctx(self, sslp: Any) -> ssl.SSLContext:
        if sslp:
            wanted: ssl.SSLContext = super()._create_ssl_ctx(sslp)
            return wanted
        return _opportunistic()


@functools.cache
def _opportunistic() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
