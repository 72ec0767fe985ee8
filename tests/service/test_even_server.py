"""A server that leaves connections to others, in this process: real sockets, another worker that never takes any."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import gevent
import gevent.event
import gevent.socket
import pytest
from gevent.pool import Pool

from service.process.connection_shares import ConnectionShares, Share
from service.process.even_server import LEFT_FOR_S, EvenServer

Start = Callable[..., EvenServer]
Ask = Callable[[EvenServer], Any]


def larger_share() -> Share:
    """Of a worker that holds two connections, beside one that accepts and holds none."""
    shares = ConnectionShares(2)
    own, other = shares.of_worker(1), shares.of_worker(2)
    assert own is not None
    assert other is not None
    own.accept()
    other.accept()
    own.opened()
    own.opened()
    assert own.is_larger()
    return own


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers that answer with one byte, and end them."""
    servers: list[EvenServer] = []

    def started(share: Share | None, most: int = 10, holds: gevent.event.Event | None = None) -> EvenServer:
        def handle(client: Any, _address: Any) -> None:
            if holds is not None:
                holds.wait(10)
            client.sendall(b"1")
            client.close()

        listener = gevent.socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = EvenServer(listener, handle, Pool(most), share)
        server.start()
        servers.append(server)
        return server

    yield started
    for each in servers:
        each.stop()


@pytest.fixture
def asked() -> Iterator[Ask]:
    """Connect to a server."""
    with ExitStack() as clients:
        yield lambda server: clients.enter_context(
            gevent.socket.create_connection(("127.0.0.1", server.server_port), timeout=5)
        )


def test_what_others_do_not_take_is_taken_after_a_moment(start: Start, asked: Ask) -> None:
    server = start(larger_share())
    began = time.monotonic()
    assert asked(server).recv(1) == b"1"
    assert time.monotonic() - began >= LEFT_FOR_S
    assert asked(server).recv(1) == b"1", "the next one too"


def test_little_is_left_to_a_worker_that_stands_still(start: Start, asked: Ask) -> None:
    server = start(larger_share())
    began = time.monotonic()
    for _ in range(500):
        assert asked(server).recv(1) == b"1"
    assert time.monotonic() - began < 250 * LEFT_FOR_S, "most of them were left first"


def test_worker_without_a_share_takes_all_at_once(start: Start, asked: Ask) -> None:
    assert asked(start(None)).recv(1) == b"1"


def test_nothing_more_is_taken_while_the_worker_is_full(start: Start, asked: Ask) -> None:
    holds = gevent.event.Event()
    server = start(larger_share(), most=2, holds=holds)
    clients = [asked(server) for _ in range(5)]
    gevent.sleep(10 * LEFT_FOR_S)
    assert len(server.pool) == 2
    holds.set()
    assert [client.recv(1) for client in clients] == [b"1"] * 5


def test_server_that_closes_takes_nothing_that_it_left(start: Start, asked: Ask) -> None:
    server = start(larger_share(), holds=gevent.event.Event())
    asked(server)
    gevent.sleep(0)
    server.close()
    gevent.sleep(5 * LEFT_FOR_S)
    assert len(server.pool) == 0
