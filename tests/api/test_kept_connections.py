"""Which connections to an upstream are used again, and when a request is sent anew because one was closed."""

from __future__ import annotations

import pytest

from blueprints.api_v1 import upstream_connections
from blueprints.api_v1.errors import UpstreamError, UpstreamRefused
from tests.api.scripted_upstream import Action, answered, closed_after, said, scripted_upstream
from tests.api.sender import Sender


def test_request_is_sent_anew_where_a_kept_connection_was_closed_at_once() -> None:
    with scripted_upstream(answered(200, b"{}"), closed_after(0), answered(200, b'{"a":1}')) as upstream:
        sender = Sender(upstream.base_url)
        sender.send()
        assert sender.send() == {"a": 1}
        assert (upstream.requests, upstream.connections) == (3, 2)


def test_request_that_may_have_run_is_not_sent_anew_without_a_word() -> None:
    with scripted_upstream(answered(200, b"{}"), closed_after(0.3), answered(200, b"{}")) as upstream:
        sender = Sender(upstream.base_url)
        sender.send()
        assert type(sender.refusal()) is UpstreamError
        assert upstream.requests == 2


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("body", [b'{"error":{"message":"no"}}', b"x" * 9000, b""], ids=["short", "long", "empty"])
def test_connection_of_a_refusal_that_was_read_whole_is_used_again(body: bytes, chunked: bool) -> None:
    if chunked and not body:
        body = b" "
    with scripted_upstream(answered(400, body, chunked=chunked), answered(200, b"{}")) as upstream:
        sender = Sender(upstream.base_url)
        assert type(sender.refusal()) is UpstreamRefused
        sender.send()
        assert upstream.connections == 1


def test_connection_of_an_endless_refusal_is_given_up() -> None:
    with scripted_upstream(answered(400, b"x" * 200_000), answered(200, b"{}")) as upstream:
        sender = Sender(upstream.base_url)
        sender.refusal()
        sender.send()
        assert upstream.connections == 2


def test_all_kept_connections_are_given_up_where_one_was_closed() -> None:
    good = answered(200, b"{}")
    with scripted_upstream(good, good, closed_after(0), good, closed_after(0)) as upstream:
        sender = Sender(upstream.base_url)
        answers = [sender.begin(), sender.begin()]
        assert [answer.json() for answer in answers] == [{}, {}]
        sender.send()
        assert (upstream.requests, upstream.connections) == (4, 3)


def test_connection_that_was_closed_behind_an_answer_is_noticed_before_it_is_used() -> None:
    ending = said(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", then_close=True)
    with scripted_upstream(ending, answered(200, b"{}")) as upstream:
        sender = Sender(upstream.base_url)
        sender.send()
        upstream.wait_until_closed(1)
        sender.send()
        assert (upstream.requests, upstream.connections) == (2, 2)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nHTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ],
    ids=["close", "close-in-list", "1.0", "more-than-its-length", "more-than-its-chunks", "both", "1.0-chunked"],
)
def test_connection_that_cannot_be_trusted_on_is_not_kept(head: bytes) -> None:
    with scripted_upstream(said(head), answered(200, b"{}")) as upstream:
        sender = Sender(upstream.base_url)
        assert (sender.send(), sender.send()) == ({}, {})
        assert upstream.connections == 2


def test_http_1_0_may_keep_its_connection() -> None:
    kept = said(b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\n{}")
    with scripted_upstream(kept, kept) as upstream:
        sender = Sender(upstream.base_url)
        assert (sender.send(), sender.send()) == ({}, {})
        assert upstream.connections == 1


def test_kept_connections_are_bounded_in_number_and_age(monkeypatch: pytest.MonkeyPatch) -> None:
    good: list[Action] = [answered(200, b"{}")] * 8
    with scripted_upstream(*good) as upstream:
        sender = Sender(upstream.base_url)
        monkeypatch.setattr(upstream_connections, "KEPT_CONNECTIONS", 2)
        for answer in [sender.begin() for _ in range(3)]:
            answer.json()
        upstream.wait_until_closed(1)
        monkeypatch.setattr(upstream_connections, "IDLE_S", 0.0)
        sender.send()
        upstream.wait_until_closed(2)
        assert upstream.connections == 4
