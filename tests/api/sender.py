"""Sends to one upstream as the relay does, without a gateway around it."""

from __future__ import annotations

import dataclasses

import pytest

from blueprints.api_v1.errors import GatewayError
from blueprints.api_v1.upstream import UpstreamAnswer, Upstreams
from catalog.model import Catalog
from catalog.reader import read_catalog

KEY = "key-4711-of-the-upstream"


class Sender:
    """Holds what the gateway holds for an upstream: its address, its key, and its connections."""

    def __init__(self, base_url: str, *, connect_s: float = 5.0) -> None:
        """Open nothing yet."""
        env = {"UPSTREAM_BASE_URL": base_url, "UPSTREAM_MODEL": "m", "UPSTREAM_API_KEY": KEY}
        catalog: Catalog = read_catalog(None, port=8000, env=env, demo_base_url=None)
        route = catalog.profiles[0].routes[0]
        upstream = dataclasses.replace(route.upstream, connect_timeout=connect_s)
        self._route = dataclasses.replace(route, upstream=upstream)
        self._upstreams = Upstreams(dataclasses.replace(catalog, upstreams=(upstream,)), env)

    def begin(self, body: bytes = b"{}", *, wait_s: float = 5) -> UpstreamAnswer:
        """Send, and return the answer unread."""
        return self._upstreams.send(self._route, "/chat/completions", body, wait_s=wait_s)

    def send(self, body: bytes = b"{}", *, wait_s: float = 5) -> object:
        """Send, and return what the answer tells."""
        return self.begin(body, wait_s=wait_s).json()

    def refusal(self, body: bytes = b"{}", *, wait_s: float = 5) -> GatewayError:
        """Send, and return the error that comes of it."""
        with pytest.raises(GatewayError) as caught:
            self.send(body, wait_s=wait_s)
        assert KEY not in str(caught.value.detail)
        return caught.value
