"""One gateway on the demo upstream for what strangers try, with a member whose token is right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import gateways
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes

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
