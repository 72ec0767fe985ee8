"""Which connections to an upstream are used again, and when a request is sent anew because one was closed."""

from __future__ import annotations

import pytest

from blueprints.api_v1.errors import GatewayError, UpstreamError, UpstreamRefused
from blueprints.api_v1.upstream import Upstreams
from catalog.model import Catalog
from catalog.reader import read_catalog
from tests.api.scripted_upstream import ScriptedUpstream, answered, closed_after, scripted_upstream


class Sender:
    """Sends to one upstream as the relay does."""

    def __init__(self, upstream: ScriptedUpstream) -> None:
        env = {"UPSTREAM_BASE_URL": upstream.base_url, "UPSTREAM_MODEL": "m"}
        catalog: Catalog = read_catalog(None, port=8000, env=env, demo_base_url=None)
        self._route = catalog.profiles[0].routes[0]
        self._upstreams = Upstreams(catalog, env)

    def send(self) -> object:
        return self._upstreams.send(self._route, "/chat/completions", b"{}", wait_s=5).json()

    def refusal(self) -> GatewayError:
        with pytest.raises(GatewayError) as caught:
            self.send()
        return caught.value


def test_request_is_sent_anew_where_a_kept_connection_was_closed_at_once() -> None:
    with scripted_upstream(answered(200, b"{}"), closed_after(0), answered(200, b'{"a":1}')) as upstream:
        sender = Sender(upstream)
        sender.send()
        assert sender.send() == {"a": 1}
        assert (upstream.requests, upstream.connections) == (3, 2)


def test_request_that_may_have_run_is_not_sent_anew_without_a_word() -> None:
    with scripted_upstream(answered(200, b"{}"), closed_after(0.3), answered(200, b"{}")) as upstream:
        sender = Sender(upstream)
        sender.send()
        assert type(sender.refusal()) is UpstreamError
        assert upstream.requests == 2


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("body", [b'{"error":{"message":"no"}}', b"x" * 9000, b""], ids=["short", "long", "empty"])
def test_connection_of_a_refusal_that_was_read_whole_is_used_again(body: bytes, chunked: bool) -> None:
    if chunked and not body:
        body = b" "
    with scripted_upstream(answered(400, body, chunked=chunked), answered(200, b"{}")) as upstream:
        sender = Sender(upstream)
        assert type(sender.refusal()) is UpstreamRefused
        sender.send()
        assert upstream.connections == 1


def test_connection_of_an_endless_refusal_is_given_up() -> None:
    with scripted_upstream(answered(400, b"x" * 200_000), answered(200, b"{}")) as upstream:
        sender = Sender(upstream)
        sender.refusal()
        sender.send()
        assert upstream.connections == 2
