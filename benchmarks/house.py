"""All servers of a run, in front of one upstream."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from benchmarks.calls import PATHS
from benchmarks.nginx import nginx
from benchmarks.peers import MAKERS
from benchmarks.programs import Program, Unavailable
from benchmarks.targets import ALIAS, DIRECT, GATEWAY, NGINX, Target, bearer
from benchmarks.upstream_answers import MODEL
from tests.harness.gateway import Gateway
from tests.harness.processes import ROOT, Processes

UPSTREAM_COMMAND = [sys.executable, "-m", "benchmarks.upstream"]
PLAN = "bench"
# A file of its own: one that an operator has in the project's folder must not be served here. The plan's limits are
# never reached, and counted against with every prompt.
GATEWAY_CONFIG = """
[[upstreams]]
name = "bench"
base_url = "http://127.0.0.1:{port}/v1"
dialect = "chat"

[[profiles]]
alias = "{alias}"
[[profiles.routes]]
upstream = "bench"
model = "{model}"

[[plans]]
slug = "{plan}"
name = "Bench"
profile = "{alias}"
daily = 1_000_000_000
monthly = 1_000_000_000
"""


@dataclass(slots=True)
class House:
    """The servers of a run; ``absent`` says of each peer that cannot take part why."""

    direct: Target
    nginx: Target
    gateway: Target
    service: Gateway
    peers: list[Target] = field(default_factory=list)
    programs: dict[str, Program] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    @property
    def targets(self) -> list[Target]:
        """In the order of the tables."""
        return [self.direct, self.nginx, self.gateway, *self.peers]


class Upstream:
    """The upstream of the benchmarks as a process; it also ends with whoever started it."""

    def __init__(self, processes: Processes) -> None:
        """Start it."""
        self._processes = processes
        self._process = processes.start(UPSTREAM_COMMAND, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        port = urlsplit(self._process.stdout.readline().decode().strip()).port
        assert port is not None, "the upstream did not start"
        self.port = port

    def target(self) -> Target:
        """Return it as a target."""
        return Target(DIRECT, self.port, (self._process.pid,), None)

    def stop(self) -> None:
        """End it."""
        self._processes.stop(self._process)


def new_gateway(processes: Processes, upstream_port: int, *, workers: int) -> Gateway:
    """Return a Smart Route on a SQLite file of its own, not started yet."""
    database = processes.new_folder("database") / "bench.db"
    config = gateway_config(upstream_port)
    return Gateway(processes, database_url=f"sqlite:///{database}", workers=workers, config=config)


def gateway_config(upstream_port: int) -> str:
    """Return the text of a gateway's file: one alias on one upstream, one plan."""
    return GATEWAY_CONFIG.format(port=upstream_port, alias=ALIAS, model=MODEL, plan=PLAN)


def gateway_target(service: Gateway, name: str = GATEWAY) -> Target:
    """Return a running gateway as a target, with an account of its own."""
    token = service.account(plan=PLAN)["token"]
    return Target(name, service.port, (service.master_pid, *service.worker_pids()), ALIAS, (bearer(token),))


@contextmanager
def running_house(processes: Processes, peers: Sequence[str] = ()) -> Iterator[House]:
    """Start the upstream, nginx, one Smart Route and ``peers``; all of them end with the block.

    Raises:
        Unavailable: nginx cannot take part.
    """
    with ExitStack() as running:

        def start(program: Program) -> Target:
            process = program.start(processes)
            running.callback(processes.stop, process)
            return program.target(process)

        upstream = Upstream(processes)
        running.callback(upstream.stop)
        service = running.enter_context(new_gateway(processes, upstream.port, workers=1))
        relay = nginx(processes, upstream.port)
        house = House(
            direct=upstream.target(),
            nginx=start(relay),
            gateway=gateway_target(service),
            service=service,
            programs={NGINX: relay},
        )
        for name in peers:
            try:
                program = MAKERS[name](processes, upstream.port)
                house.peers.append(start(program))
                house.programs[name] = program
            except Unavailable as error:
                house.absent[name] = str(error)
        yield house


def usage_rows(service: Gateway) -> dict[str, int]:
    """Return ``rows`` of a gateway's usage log, those that are ``counted``, ``completed``, and their ``tokens``."""
    with sqlite3.connect(database_path(service)) as connection:
        row = connection.execute(
            "SELECT count(*), coalesce(sum(counted), 0), coalesce(sum(status = 'completed'), 0),"
            " coalesce(sum(completion_tokens), 0) FROM usage_log"
        ).fetchone()
    connection.close()
    return dict(zip(("rows", "counted", "completed", "tokens"), row, strict=True))


def database_path(service: Gateway) -> str:
    """Where a gateway's SQLite file lies."""
    return service.database_url.removeprefix("sqlite:///")


def log_lines(service: Gateway) -> int:
    """How many generations a gateway has written a log line for."""
    return sum(line.get("path") in PATHS for line in service.log_lines())
