"""One gateway on the demo upstream for what strangers try, with a member whose token is right."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from middleware.form_time import ARRIVAL_S
from tests.conftest import gateways
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes
from tests.security.wire import form

TRUSTING = """
[service]
trusted_proxies = ["127.0.0.1"]

[[upstreams]]
name = "east"
base_url = "{upstream}"

[[profiles]]
alias = "smart-route-mini"
routes = [{{ upstream = "east", model = "demo-model" }}]
"""


@pytest.fixture(scope="session")
def gateway(request: pytest.FixtureRequest, processes: Processes, demo: Demo) -> Iterator[Gateway]:
    """A gateway with one worker, which therefore counts alone; tests choose their address by X-Forwarded-For."""
    with gateways(request, processes) as start:
        yield start("sqlite", workers=1, config=TRUSTING.format(upstream=demo.base_url))


@pytest.fixture(scope="session")
def token(gateway: Gateway) -> str:
    """The service token of a member."""
    made: str = gateway.account()["token"]
    return made


@pytest.fixture(scope="session")
def trickled(gateway: Gateway) -> Iterator[Future[tuple[bytes, float]]]:
    """A form that trickles in while other tests run: the answer to it, and after how many seconds it came."""

    def trickle() -> tuple[bytes, float]:
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as connection:
            connection.sendall(form(b"x" * 5000)[:-4990])
            began = time.monotonic()
            connection.settimeout(0.5)
            while time.monotonic() - began < 6 * ARRIVAL_S:
                try:
                    return connection.recv(65536), time.monotonic() - began
                except TimeoutError:
                    connection.sendall(b"x")
        return b"", time.monotonic() - began

    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(trickle)
