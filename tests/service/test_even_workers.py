"""How connections that come together are spread over the workers of one socket."""

from __future__ import annotations

import os
import signal
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack

import psutil
import pytest

from endurance.processes import accepts
from tests.conftest import GatewayFactory
from tests.harness.gateway import Gateway
from tests.harness.processes import wait_until

WORKERS = 3
ASK = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def gateway(module_gateway_factory: GatewayFactory) -> Gateway:
    gateway = module_gateway_factory("sqlite", workers=WORKERS)
    wait_until("all serve", lambda: all(accepts(pid, gateway.port) for pid in gateway.worker_pids()))
    return gateway


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def connected(gateway: Gateway, clients: ExitStack, count: int) -> list[socket.socket]:
    """Open connections all at once, and ask something on each."""
    opened = [clients.enter_context(socket.socket()) for _ in range(count)]
    for each in opened:
        each.settimeout(10)
        each.connect(("127.0.0.1", gateway.port))
        each.sendall(ASK)
    return opened


def answered(connections: list[socket.socket]) -> int:
    return sum(each.recv(65_536).startswith(b"HTTP/1.1 200") for each in connections)


def held(gateway: Gateway) -> list[int]:
    """How many connections of clients each worker holds."""
    return [
        sum(each.status == psutil.CONN_ESTABLISHED and each.laddr.port == gateway.port for each in connections)
        for connections in (psutil.Process(pid).net_connections("tcp") for pid in gateway.worker_pids())
    ]


def added_worker(gateway: Gateway) -> None:
    """Let a gateway have one worker more."""
    before = len(gateway.worker_pids())
    os.kill(gateway.master_pid, signal.SIGTTIN)
    wait_until("one more", lambda: len(gateway.worker_pids()) == before + 1)
    wait_until("all serve", lambda: all(accepts(pid, gateway.port) for pid in gateway.worker_pids()), timeout_s=20)


def smallest_share(gateway: Gateway) -> float:
    """Of 30 connections, what the worker with the fewest holds; the middle of five times: the machine may be busy."""
    smallest = []
    for _ in range(5):
        with ExitStack() as clients:
            assert answered(connected(gateway, clients, 30)) == 30
            smallest.append(min(held(gateway)))
        wait_until("all are closed", lambda: sum(held(gateway)) == 0)
    return statistics.median(smallest)


def test_connections_that_come_at_once_are_spread_evenly(gateway: Gateway) -> None:
    assert smallest_share(gateway) >= 6


def test_worker_that_stands_still_keeps_no_connection_waiting(gateway: Gateway, clients: ExitStack) -> None:
    connections = connected(gateway, clients, 9)
    assert answered(connections) == 9
    stands = gateway.worker_pids()[0]
    os.kill(stands, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert answered(connected(gateway, clients, 60)) == 60
        assert time.monotonic() - began < 5
    finally:
        os.kill(stands, signal.SIGCONT)


def test_worker_that_took_the_place_of_a_killed_one_gets_its_share(gateway: Gateway) -> None:
    gateway.kill9_worker()
    wait_until("another one is there", lambda: len(gateway.worker_pids()) == WORKERS)
    wait_until("all serve", lambda: all(accepts(pid, gateway.port) for pid in gateway.worker_pids()), timeout_s=20)
    assert smallest_share(gateway) >= 6


def test_worker_that_joins_a_lone_one_gets_its_share_of_what_is_queued(gateway_factory: GatewayFactory) -> None:
    gateway = gateway_factory("sqlite", workers=1)
    added_worker(gateway)
    smallest = []
    for _ in range(5):
        with ExitStack() as clients:
            for pid in gateway.worker_pids():
                os.kill(pid, signal.SIGSTOP)
            queued = connected(gateway, clients, 30)
            for pid in gateway.worker_pids():
                os.kill(pid, signal.SIGCONT)
            assert answered(queued) == 30
            smallest.append(min(held(gateway)))
        wait_until("all are closed", lambda: sum(held(gateway)) == 0)
    assert statistics.mean(smallest) >= 11
