"""Fixtures of all tests: real gateways on real databases in front of the demo upstream.

``gateway`` is shared by all tests that only need a running one, and runs each of them on SQLite and MariaDB;
a test keeps to accounts of its own there. What changes a gateway (kills, reloads, other settings) asks
``gateway_factory`` for one of its own.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType

import pytest

from tests.harness.databases import BOTH, MARIADB, databases
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.mariadb import MariaDB
from tests.harness.processes import Processes

DATABASES = ("sqlite", "mariadb")
PROCESSES = pytest.StashKey[Processes]()

GatewayFactory = Callable[..., Gateway]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the whole suite on MariaDB alone."""
    parser.addoption(
        "--database",
        choices=[BOTH, MARIADB],
        default=BOTH,
        help="both: each test on what it names (default); mariadb: all of them on MariaDB alone",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what runs on SQLite where MariaDB alone is asked for."""
    if not databases.only_mariadb:
        return
    left_out = [item for item in items if _is_of_sqlite(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def _is_of_sqlite(item: pytest.Item) -> bool:
    # Of a test with a parameter for the database, the other one runs.
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    return item.get_closest_marker("sqlite_only") is not None or any(
        isinstance(value, str) and value == "sqlite" for value in parameters.values()
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Open the session's folder: tmp_path lies in it too, so that nothing stays behind."""
    processes = config.stash[PROCESSES] = Processes()
    databases.open(processes, config.getoption("--database"))
    config.addinivalue_line("markers", "sqlite_only: of what SQLite alone has; not run with --database mariadb")
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
def mariadb_server() -> Iterator[MariaDB]:
    """The session's MariaDB; a test that stops it starts it again."""
    server = databases.server()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def demo(processes: Processes) -> Iterator[Demo]:
    """The session's demo upstream."""
    demo = Demo(processes)
    yield demo
    demo.stop()


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database for one test of the model layer, on each of the two."""
    return new_database(request, request.param, tmp_path)


@pytest.fixture(params=DATABASES, scope="session")
def gateway(request: pytest.FixtureRequest, processes: Processes, demo: Demo) -> Iterator[Gateway]:
    """A running gateway with two workers, every profile on the demo upstream."""
    url = new_database(request, request.param, processes.new_folder("database"))
    with Gateway(processes, database_url=url, workers=2, env=on_upstream(demo)) as gateway:
        yield gateway


@pytest.fixture
def gateway_factory(request: pytest.FixtureRequest, processes: Processes) -> Iterator[GatewayFactory]:
    """Starts gateways for one test: ``gateway_factory("sqlite", workers=1, config=None, env=None)``."""
    with gateways(request, processes) as factory:
        yield factory


@pytest.fixture(scope="module")
def module_gateway_factory(request: pytest.FixtureRequest, processes: Processes) -> Iterator[GatewayFactory]:
    """As ``gateway_factory``, for gateways with settings of their own that the tests of a module share."""
    with gateways(request, processes) as factory:
        yield factory


@contextlib.contextmanager
def gateways(request: pytest.FixtureRequest, processes: Processes) -> Iterator[GatewayFactory]:
    """Give a function that starts gateways; all of them end with the block."""
    with contextlib.ExitStack() as running:

        def start(
            database: str,
            workers: int = 1,
            config: str | None = None,
            env: Mapping[str, str] | None = None,
            database_url: str | None = None,
        ) -> Gateway:
            """Start one on a new "sqlite" or "mariadb" database, or on the one that ``database_url`` names.

            With neither ``config`` nor an upstream in ``env`` it stands before the session's demo upstream.
            """
            url = database_url or new_database(request, database, processes.new_folder("database"))
            if config is None and "UPSTREAM_BASE_URL" not in (env or {}):
                env = {**on_upstream(request.getfixturevalue("demo")), **(env or {})}
            gateway = Gateway(processes, database_url=url, workers=workers, config=config, env=env)
            return running.enter_context(gateway)

        yield start


def on_upstream(demo: Demo) -> dict[str, str]:
    """Settings that put every profile on the demo upstream."""
    return {
        "UPSTREAM_BASE_URL": demo.base_url,
        "UPSTREAM_MODEL": "demo-model",
        "UPSTREAM_API_KEY": "demo-key",
    }


def new_database(request: pytest.FixtureRequest, kind: str, folder: Path) -> str:
    """Give the SQLAlchemy URL of an empty database; MariaDB starts when the first test asks for it."""
    if kind == "sqlite":
        return databases.in_force(f"sqlite:///{folder / 'smartroute.db'}")
    server: MariaDB = request.getfixturevalue("mariadb_server")
    return server.create_database()
