"""Who may read /metrics: processes on this machine that came straight here, bearers of the token, or anybody.

A proxy on this machine asks from a loopback address for the whole world. So what came through any proxy is not
local, whether that proxy is trusted or not; and as a proxy without a single header of its own cannot be told by
them, two habits of such ones are taken for a proxy too: HTTP/1.0, and a Host that is not this machine's own name.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from catalog.model import MetricsReaders

_PROXY_HEADERS = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_REAL_IP",
    "HTTP_FORWARDED",
    "HTTP_VIA",
)


def may_read(readers: MetricsReaders, request: Mapping[str, object], env: Mapping[str, str]) -> bool:
    """Tell whether a request, given as its WSGI environment, may read the metrics; ``env`` holds the token."""
    if readers.access == "off":
        return False
    if readers.access == "public":
        return True
    return is_local(request) or (readers.token_env is not None and _bears(request, env.get(readers.token_env, "")))


def is_local(request: Mapping[str, object]) -> bool:
    """Tell whether a process on this machine sent a request itself."""
    if any(header in request for header in _PROXY_HEADERS) or request.get("SERVER_PROTOCOL") == "HTTP/1.0":
        return False
    return _is_loopback(str(request.get("REMOTE_ADDR", ""))) and _names_loopback(str(request.get("HTTP_HOST", "")))


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # a unix socket has none, and a proxy may be behind it
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def _names_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or _is_loopback(name)


def _bears(request: Mapping[str, object], token: str) -> bool:
    scheme, _, sent = str(request.get("HTTP_AUTHORIZATION", "")).partition(" ")
    token = token.strip()
    if not token or scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(sent.strip().encode("utf-8", "replace"), token.encode("utf-8", "replace"))
