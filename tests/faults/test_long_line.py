"""What one upstream's line of 10 MB does to everybody else on the same worker."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from tests.conftest import GatewayFactory
from tests.faults.acts import LONG, long_line
from tests.faults.answers import APIS, read_stream, read_whole, request_body
from tests.faults.server import fault_server
from tests.harness.gateway import Gateway

PATIENCE_S = 1.5
"""Far more than the work on 10 MB takes, and less than a single look at each byte in Python would."""

CONFIG = """
[[upstreams]]
name = "long"
base_url = "{url}"

[[profiles]]
alias = "long"
routes = [{{ upstream = "long", model = "m" }}]

[[plans]]
slug = "all"
name = "All"
profile = "long"
"""


@pytest.fixture(scope="module")
def gateway(module_gateway_factory: GatewayFactory) -> Iterator[Gateway]:
    """One worker: whoever holds it holds all."""
    with fault_server({"long": long_line}) as server:
        yield module_gateway_factory("sqlite", config=CONFIG.format(url=server.base_url("long", "any")))


@pytest.fixture(scope="module")
def token(gateway: Gateway) -> str:
    """An account's."""
    found: str = gateway.account(plan="all")["token"]
    return found


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("api", APIS)
def test_long_line_keeps_nobody_else_waiting(gateway: Gateway, token: str, api: str, stream: bool) -> None:
    with waiting_times(f"{gateway.url}/healthz") as waited:
        body = request_body(api, "long", "Everything, please.", stream=stream)
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.post(f"{gateway.api}/{api}", json=body, headers=headers, timeout=30)
    assert (read_stream if stream else read_whole)(api, answer.content, "long").text == LONG
    assert max(waited) < PATIENCE_S


@contextlib.contextmanager
def waiting_times(url: str) -> Iterator[list[float]]:
    """Ask for ``url`` again and again; the list holds how long each answer took, in seconds."""
    waited: list[float] = []
    is_over = threading.Event()

    def ask() -> None:
        with requests.Session() as session:
            while not is_over.wait(0.01):
                started = time.monotonic()
                session.get(url, timeout=30).raise_for_status()
                waited.append(time.monotonic() - started)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield waited
    finally:
        is_over.set()
        asking.join()
