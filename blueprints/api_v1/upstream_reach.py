"""Does an upstream's machine take connections? Nothing is sent, so it costs nobody anything; for ``/readyz``."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

import gevent
from gevent.pool import Pool

from catalog.model import Catalog

WAIT_S = 2.0
AT_ONCE = 8
_PORTS = {"http": 80, "https": 443}


def upstream_reach(catalog: Catalog) -> Callable[[], bool]:
    """Return the function that tells whether at least one of the catalog's upstreams takes connections."""
    places = {_place(upstream.base_url) for upstream in catalog.upstreams if upstream.base_url}

    def reach() -> bool:
        return _any(sorted(places))

    return reach


def _any(places: Iterable[tuple[str, int]]) -> bool:
    pool = Pool(AT_ONCE)
    try:
        with gevent.Timeout(WAIT_S, False):
            return any(pool.imap_unordered(_takes_connections, places))
        return False
    finally:
        pool.kill(block=False)


def _takes_connections(place: tuple[str, int]) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(place, timeout=WAIT_S):
        return True
    return False


def _place(base_url: str) -> tuple[str, int]:
    parts = urlsplit(base_url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]
