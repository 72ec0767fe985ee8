"""A gateway with two workers on each database, and an alias for each dialect of upstream."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import DATABASES, new_database
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes
from tests.responses.client import Responses

CONFIG = """
[[upstreams]]
name = "east"
base_url = "{demo}"
dialect = "chat"

[[upstreams]]
name = "west"
base_url = "{demo}"
dialect = "responses"

[[profiles]]
alias = "chat"
routes = [{{ upstream = "east", model = "demo-model" }}]

[[profiles]]
alias = "native"
routes = [{{ upstream = "west", model = "demo-model" }}]

[[plans]]
slug = "all"
name = "All"
profile = "native"

[[plans]]
slug = "small"
name = "Small"
profile = "native"
daily = 3
monthly = 50
"""

DIALECTS = ("chat", "native")


@pytest.fixture(params=DATABASES, scope="session")
def responses_gateway(request: pytest.FixtureRequest, processes: Processes, demo: Demo) -> Iterator[Gateway]:
    """Shared by all tests of this folder; each keeps to responses of its own."""
    url = new_database(request, request.param, processes.new_folder("database"))
    config = CONFIG.format(demo=demo.base_url)
    with Gateway(processes, database_url=url, workers=2, config=config) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def tokens(responses_gateway: Gateway) -> list[str]:
    """Tokens of two accounts of the plan ``all``."""
    return [account["token"] for account in responses_gateway.accounts(2, plan="all")]


@pytest.fixture
def api(responses_gateway: Gateway, tokens: list[str]) -> Responses:
    """An account on the chat upstream."""
    return Responses(responses_gateway, tokens[0])


@pytest.fixture
def stranger(responses_gateway: Gateway, tokens: list[str]) -> Responses:
    """Another account on the same gateway."""
    return Responses(responses_gateway, tokens[1])


@pytest.fixture(params=DIALECTS)
def either(request: pytest.FixtureRequest, responses_gateway: Gateway, tokens: list[str]) -> Responses:
    """The first account, on the chat upstream and on the native one."""
    return Responses(responses_gateway, tokens[0], model=request.param)
