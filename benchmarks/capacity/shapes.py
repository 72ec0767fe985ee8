"""The shapes of an installation: how many machines and workers, on which database, behind nginx as deployed."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import psutil
import pymysql

from benchmarks.capacity.distance import Distance
from benchmarks.house import PLAN, Upstream, gateway_config
from benchmarks.targets import cpu_s_of
from tests.harness.gateway import Gateway
from tests.harness.mariadb import MariaDB
from tests.harness.processes import Processes
from tests.machines.machine import Machine
from tests.machines.nginx import Nginx

SQLITE, MARIADB = "SQLite", "MariaDB"
TRUSTING = '[service]\ntrusted_proxies = ["127.0.0.1"]\n'


@dataclass(frozen=True, slots=True)
class Shape:
    """An installation to be measured."""

    database: str
    machines: int
    workers: int
    """On each machine."""
    distance_ms: float = 0.0
    """Of a network between gateways and database, there and back."""

    @property
    def name(self) -> str:
        """As the tables have it."""
        machines = "1 machine" if self.machines == 1 else f"{self.machines} machines"
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        far = f", {self.distance_ms:g} ms away" if self.distance_ms else ""
        return f"{self.database}{far}, {machines}, {workers}"


@dataclass(frozen=True, slots=True)
class Installation:
    """A running shape."""

    shape: Shape
    port: int
    """nginx's."""
    tokens: Sequence[str]
    gateways: Sequence[Gateway]
    nginx_pids: Sequence[int]
    database_pids: Sequence[int]
    url: str
    """The database's own, past any simulated network."""

    def gateway_cpu_s(self) -> float:
        """CPU seconds of all gateway processes so far."""
        pids = [pid for each in self.gateways for pid in (each.master_pid, *each.worker_pids())]
        return sum(map(cpu_s_of, pids))

    def nginx_cpu_s(self) -> float:
        """CPU seconds of nginx so far."""
        return sum(map(cpu_s_of, self.nginx_pids))

    def database_cpu_s(self) -> float:
        """CPU seconds of the database server so far; SQLite's are the gateway's own."""
        return sum(map(cpu_s_of, self.database_pids))

    def memory_mb(self) -> float:
        """PSS of all gateway processes."""
        return sum(each.memory_mb() for each in self.gateways)

    def completed_rows(self) -> int:
        """How many rows of the usage log are counted and completed."""
        statement = "SELECT count(*) FROM usage_log WHERE counted AND status = 'completed'"
        if self.url.startswith("sqlite"):
            with contextlib.closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as connection:
                return int(connection.execute(statement).fetchone()[0])
        at = urlsplit(self.url)
        connection = pymysql.connect(
            host=at.hostname,
            port=at.port or 3306,
            user=at.username,
            password=unquote(at.password or ""),
            database=at.path.strip("/"),
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone()
            assert row is not None
            return int(row[0])


@contextlib.contextmanager
def installed(
    processes: Processes,
    shape: Shape,
    upstream: Upstream,
    server: MariaDB,
    *,
    accounts: int = 1,
    url: str | None = None,
    emails: Sequence[str] = (),
) -> Iterator[Installation]:
    """Run a shape on a new database, or on the one at ``url``; everything but the upstream and the server ends with it.

    The ``tokens`` are those of ``accounts`` new accounts, or of those with ``emails``, which ``url`` has already.
    """
    with ExitStack() as running:
        if url is None:
            url = new_url(processes, shape.database, server)
        seen_url = url
        if shape.distance_ms:
            far = running.enter_context(Distance(processes, urlsplit(url).port or 3306, shape.distance_ms))
            seen_url = url.replace(f":{urlsplit(url).port}/", f":{far.port}/")
        config = config_of(upstream)
        gateways: list[Gateway] = []
        for number in range(shape.machines):
            if shape.machines == 1:
                gateway = Gateway(processes, database_url=seen_url, workers=shape.workers, config=config)
            else:
                gateway = Machine(processes, f"machine-{number + 1}", seen_url, config, workers=shape.workers)
            gateways.append(running.enter_context(gateway))
        if emails:
            tokens = gateways[0].tokens(emails)
        else:
            tokens = [each["token"] for each in gateways[0].accounts(accounts, plan=PLAN)]
        nginx = Nginx(processes, [each.port for each in gateways])
        running.callback(nginx.stop)
        database_pids = [] if shape.database == SQLITE else [_pid_on(server.port)]
        yield Installation(shape, nginx.port, tokens, gateways, _family(_pid_on(nginx.port)), database_pids, url)


def config_of(upstream: Upstream) -> str:
    """Return the file that all gateways have."""
    return TRUSTING + gateway_config(upstream.port)


def new_url(processes: Processes, database: str, server: MariaDB) -> str:
    """Make room for an empty database; return its URL."""
    if database == MARIADB:
        return server.create_database()
    return f"sqlite:///{processes.new_folder('capacity') / 'capacity.db'}"


def _pid_on(port: int) -> int:
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            listening = (each for each in child.net_connections("tcp") if each.status == psutil.CONN_LISTEN)
            if any(each.laddr.port == port for each in listening):
                return child.pid
    raise RuntimeError(f"no child of this process listens on port {port}")


def _family(pid: int) -> list[int]:
    return [pid, *(child.pid for child in psutil.Process(pid).children())]
