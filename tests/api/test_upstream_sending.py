"""Large requests: sent whole, within a time, and no further once the upstream has answered."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from blueprints.api_v1 import upstream_wire
from blueprints.api_v1.errors import UpstreamError, UpstreamRefused, UpstreamTimeout, UpstreamUnreachable
from tests.api.sender import Sender

IMAGE = bytes(range(256)) * 20_000  # 5 MB
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}"


@contextlib.contextmanager
def upstream(act: Callable[[socket.socket], object]) -> Iterator[str]:
    """Listen, and do to each connection what ``act`` does; gives the base address."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)

    def serve(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            act(client)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        listener.shutdown(socket.SHUT_RDWR)


def read(client: socket.socket, at_least: int) -> bytes:
    """Read so many bytes, or what there is of them."""
    got = bytearray()
    while len(got) < at_least and (piece := client.recv(65536)):
        got += piece
    return bytes(got)


@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["silent", "continue"])
def test_large_request_arrives_whole_though_it_is_read_slowly(interim: bytes) -> None:
    came: list[bytes] = []

    def act(client: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        assert f"Content-Length: {len(IMAGE)}".encode() in head
        client.sendall(interim)
        time.sleep(0.2)
        came.append(read(client, len(IMAGE)))
        client.sendall(ANSWER)

    with upstream(act) as base_url:
        assert Sender(base_url).send(IMAGE) == {}
    assert came == [IMAGE]


def test_answer_that_comes_before_the_request_has_left_is_read_at_once() -> None:
    connections = 0

    def act(client: socket.socket) -> None:
        nonlocal connections
        connections += 1
        read(client, 1000)
        client.sendall(TOO_LARGE)
        time.sleep(5)

    with upstream(act) as base_url:
        sender = Sender(base_url)
        started = time.monotonic()
        assert type(sender.refusal(IMAGE)) is UpstreamRefused
        assert type(sender.refusal(b"{}" * 500)) is UpstreamRefused
        assert time.monotonic() - started < 2
    assert connections == 2


def test_answer_of_an_upstream_that_then_closes_is_read() -> None:
    def act(client: socket.socket) -> None:
        read(client, 1000)
        client.sendall(TOO_LARGE)
        time.sleep(0.1)  # with bytes that nobody read: a reset

    with upstream(act) as base_url:
        assert type(Sender(base_url).refusal(IMAGE)) is UpstreamRefused


def test_upstream_that_breaks_the_connection_while_it_is_asked_is_an_error() -> None:
    with upstream(lambda client: read(client, 1000)) as base_url:
        assert type(Sender(base_url).refusal(IMAGE)) is UpstreamError


def test_request_that_does_not_leave_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_wire, "SEND_S", 0.3)
    with upstream(lambda _: time.sleep(5)) as base_url:
        started = time.monotonic()
        assert type(Sender(base_url).refusal(IMAGE)) is UpstreamTimeout
        assert 0.25 < time.monotonic() - started < 2


def test_every_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def act(client: socket.socket) -> None:
        read(client, 10)
        client.sendall(ANSWER)

    with upstream(act) as base_url:
        port = int(base_url.rsplit(":", 1)[1].removesuffix("/v1"))
        places = [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]
        monkeypatch.setattr("gevent.socket.getaddrinfo", lambda *_: places)
        sender = Sender(base_url.replace("127.0.0.1", "two-addresses.test"))
        assert sender.send() == {}
        monkeypatch.setattr("gevent.socket.getaddrinfo", lambda *_: places[:1])
        assert type(Sender(base_url).refusal()) is UpstreamUnreachable
