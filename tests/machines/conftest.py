"""Two machines on one MariaDB, with nginx in front of both."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.conftest import new_database
from tests.harness.demo import Demo
from tests.harness.processes import Processes
from tests.machines.machine import Machine
from tests.machines.nginx import Nginx

CONFIG = """
[service]
drain_seconds = 60
trusted_proxies = ["127.0.0.1"]

[[upstreams]]
name = "east"
base_url = "{demo}"

[[profiles]]
alias = "smart-route-mini"
routes = [{{ upstream = "east", model = "demo-model" }}]

[[plans]]
slug = "free"
name = "Free"
profile = "smart-route-mini"

[[plans]]
slug = "forty"
name = "Forty"
profile = "smart-route-mini"
daily = 40
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """The two machines and the nginx in front."""

    one: Machine
    two: Machine
    nginx: Nginx


@pytest.fixture(scope="package")
def pair(request: pytest.FixtureRequest, processes: Processes, demo: Demo) -> Iterator[Pair]:
    """Both machines; a test that stops one starts it again."""
    url = new_database(request, "mariadb", processes.new_folder("database"))
    config = CONFIG.format(demo=demo.base_url)
    with contextlib.ExitStack() as running:
        one = running.enter_context(Machine(processes, "machine-one", url, config))
        two = running.enter_context(Machine(processes, "machine-two", url, config))
        nginx = Nginx(processes, [one.port, two.port])
        running.callback(nginx.stop)
        yield Pair(one, two, nginx)
