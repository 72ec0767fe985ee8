"""Many streams and long ones: connections are used again, memory stays bounded, nobody starves."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psutil
import pytest

from tests.api.client import Api
from tests.api.test_client_gone import ask
from tests.harness.demo import Demo
from tests.harness.processes import wait_until

MB = 1024 * 1024


def upstream_connections(api: Api, demo: Demo) -> int:
    """Open connections from the gateway's worker to the upstream."""
    port = urlsplit(demo.origin).port
    connections = psutil.Process(api.gateway.worker_pids()[0]).net_connections("tcp")
    return sum(1 for c in connections if c.raddr and c.raddr.port == port and c.status == psutil.CONN_ESTABLISHED)


def memory(api: Api) -> int:
    """Memory of the gateway's worker that nobody shares, in bytes."""
    return int(psutil.Process(api.gateway.worker_pids()[0]).memory_full_info().uss)


@pytest.mark.parametrize("ending", ["", "[[burst]]"])
def test_one_connection_serves_a_hundred_streams_in_turn(api: Api, demo: Demo, ending: str) -> None:
    for _ in range(100):
        assert api.stream(f"[[reply one two]] {ending}", model="plain").finish == "stop"
    assert upstream_connections(api, demo) <= 3


def test_connections_of_clients_that_left_are_closed(api: Api, demo: Demo) -> None:
    before = upstream_connections(api, demo)
    clients = [ask(api, "[[silence 20@3]]") for _ in range(20)]
    wait_until("all are under way", lambda: demo.open()["open"] >= 20)
    assert upstream_connections(api, demo) >= before + 15
    for client in clients:
        client.close()
    wait_until("all are gone", lambda: upstream_connections(api, demo) <= before, timeout_s=3)


def test_memory_of_a_stream_of_20_000_events_is_that_of_a_short_one(api: Api) -> None:
    api.stream("[[tokens 20000]] [[burst]]", model="plain", timeout=60)  # pools and caches have their size now
    before = memory(api)
    for _ in range(2):
        streamed = api.stream("[[tokens 20000]] [[burst]]", model="plain", timeout=60)
        assert len(streamed.chunks) == 20_002
    assert memory(api) - before < 2 * MB


def test_hundred_slow_readers_are_bounded_and_hold_nobody_up(api: Api, demo: Demo) -> None:
    api.stream("[[tokens 2000]] [[burst]]", model="plain")
    before = memory(api)
    readers: list[socket.socket] = []
    for _ in range(100):
        reader = ask(api, "[[bytes 200]] [[endless deltas]]")
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        readers.append(reader)
    wait_until("all are under way", lambda: demo.open()["open"] >= 100, timeout_s=20)
    with ThreadPoolExecutor(4) as pool:
        started = time.monotonic()
        quick = list(pool.map(lambda _: api.chat("[[reply quick]]", model="patient").status_code, range(8)))
        took = time.monotonic() - started
    paced = api.stream("[[tokens 10]] [[pace 30]]", model="patient")
    for reader in readers:
        reader.close()
    assert quick == [200] * 8
    assert took < 3
    assert paced.finish == "stop"
    assert memory(api) - before < 100 * 256 * 1024  # what waits for a reader is a few pieces, not the answer
    wait_until("all upstream requests have ended", lambda: demo.open()["open"] == 0, timeout_s=10)
