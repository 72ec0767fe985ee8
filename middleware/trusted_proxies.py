"""``X-Forwarded-*`` headers, believed only from the addresses that the operator named."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustedProxies:
    """WSGI middleware: takes scheme and client address from a trusted proxy's headers."""

    def __init__(self, app: WSGIApplication, networks: Sequence[Network]) -> None:
        """Believe the peers that lie in ``networks``."""
        self._app = app
        self._behind_proxy = ProxyFix(app, x_for=1, x_proto=1, x_host=0)
        self._networks = networks
        self._known: dict[str, bool] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on, rewritten if a trusted proxy sent it."""
        peer = environ.get("REMOTE_ADDR", "")
        trusted = self._known.get(peer)
        if trusted is None:
            trusted = self._is_trusted(peer)
            if len(self._known) < 1024:  # proxies are few; a flood of addresses must not grow this
                self._known[peer] = trusted
        return (self._behind_proxy if trusted else self._app)(environ, start_response)

    def _is_trusted(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:  # a unix socket has no address
            return False
        return any(address in network for network in self._networks)
