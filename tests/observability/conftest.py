"""A gateway of two workers whose counts the tests share; one of its upstreams is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.admin.conftest import Person
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes, free_port

CONFIG = """
[[upstreams]]
name = "east"
base_url = "{demo}"

[[upstreams]]
name = "gone"
base_url = "http://127.0.0.1:{closed}/v1"

[[profiles]]
alias = "smart-route-mini"
routes = [{{ upstream = "east", model = "demo-model" }}]

[[profiles]]
alias = "second"
routes = [{{ upstream = "gone", model = "far" }}, {{ upstream = "east", model = "spare" }}]

[[plans]]
slug = "free"
profile = "second"

[[plans]]
slug = "two"
profile = "smart-route-mini"
daily = 2
"""


@pytest.fixture(scope="session")
def house(processes: Processes, demo: Demo) -> Iterator[Gateway]:
    """The gateway of all tests that do not change it."""
    database = processes.new_folder("database") / "smartroute.db"
    config = CONFIG.format(demo=demo.base_url, closed=free_port())
    with Gateway(processes, database_url=f"sqlite:///{database}", workers=2, config=config) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def operator(house: Gateway) -> Person:
    """Who may see the health page."""
    return Person(house, "operator@example.org", "--admin")


@pytest.fixture(scope="session")
def member(house: Gateway) -> Person:
    """Who may not."""
    return Person(house, "member@example.org")
