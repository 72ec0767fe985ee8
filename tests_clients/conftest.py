"""Fixtures of the client tests: a real gateway before the demo upstream, and the real clients before the gateway."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import openai
import pytest

from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes
from tests_clients.codex import Codex
from tests_clients.javascript import JavaScript
from tests_clients.kilo import Kilo, KiloServer
from tests_clients.service import CONFIG, Service

PROCESSES = pytest.StashKey[Processes]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Open the session's folder: tmp_path lies in it too, so that nothing stays behind."""
    processes = config.stash[PROCESSES] = Processes()
    if config.option.basetemp is None:
        config.option.basetemp = str(processes.folder / "tmp")

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        pytest.exit("SIGTERM", returncode=128 + number)

    signal.signal(signal.SIGTERM, on_sigterm)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what tests left running."""
    config.stash[PROCESSES].close()


@pytest.fixture(scope="session")
def processes(pytestconfig: pytest.Config) -> Processes:
    """Starts programs that end with the session."""
    return pytestconfig.stash[PROCESSES]


@pytest.fixture(scope="session")
def demo(processes: Processes) -> Iterator[Demo]:
    """The session's scripted upstream."""
    demo = Demo(processes)
    yield demo
    demo.stop()


@pytest.fixture(scope="session", params=["chat", "responses"])
def service(request: pytest.FixtureRequest, processes: Processes, demo: Demo) -> Iterator[Service]:
    """A running gateway: once before an upstream that speaks chat completions, once before native Responses."""
    dialect: str = request.param
    config = CONFIG.format(base_url=demo.base_url, dialect=dialect)
    database: Path = processes.new_folder("database") / "smartroute.db"
    with Gateway(processes, database_url=f"sqlite:///{database}", config=config) as gateway:
        yield Service(gateway, demo, dialect)


@pytest.fixture
def token(service: Service) -> str:
    """Token of an account of the test's own, on a plan with room."""
    return service.new_token()


@pytest.fixture
def sdk(service: Service, token: str) -> Iterator[openai.OpenAI]:
    """The Python SDK, refusing answers that differ from its types; no retries: a test sees one answer."""
    with openai.OpenAI(base_url=service.api, api_key=token, max_retries=0, _strict_response_validation=True) as sdk:
        yield sdk


@pytest.fixture
def codex(service: Service, processes: Processes, token: str) -> Codex:
    """Codex CLI, set up as docs/clients.md says, in an empty project."""
    return Codex(processes, service.gateway.url, token)


@pytest.fixture(scope="session")
def kilo_server(service: Service, processes: Processes) -> Iterator[KiloServer]:
    """Kilo's own server; it is used by all tests, each with a project and an account of its own."""
    server = KiloServer(processes, service.gateway.url, service.new_token())
    yield server
    server.stop()


@pytest.fixture
def kilo(kilo_server: KiloServer, processes: Processes, token: str) -> Kilo:
    """Kilo's CLI in an empty project."""
    return Kilo(processes, kilo_server, token)


@pytest.fixture
def javascript(service: Service, processes: Processes, token: str) -> JavaScript:
    """The JavaScript SDK, pointed at the gateway."""
    return JavaScript(processes, service.api, token)
