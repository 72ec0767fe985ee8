"""How long an upstream's line of 10 MB holds a worker, and with it everybody else's streams."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest
import requests

from tests.conftest import GatewayFactory
from tests.faults.acts import LONG, long_line
from tests.faults.answers import APIS, read_stream, read_whole, request_body
from tests.faults.server import fault_server
from tests.harness.gateway import Gateway

MOST_S = 0.6
"""Twice what the dearest of the three takes (it says the text five times), less than a step for each byte does."""

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
def test_long_line_costs_little_more_than_reading_and_writing_it(
    gateway: Gateway, token: str, api: str, stream: bool
) -> None:
    before = worked_s(gateway)
    body = request_body(api, "long", "Everything, please.", stream=stream)
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.post(f"{gateway.api}/{api}", json=body, headers=headers, timeout=60)
    assert (read_stream if stream else read_whole)(api, answer.content, "long").text == LONG
    assert worked_s(gateway) - before < MOST_S


def worked_s(gateway: Gateway) -> float:
    """The processor time of the only worker: while it works on one answer, all others wait, on any machine."""
    [pid] = gateway.worker_pids()
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
