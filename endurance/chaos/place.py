"""A gateway of a scenario's own, with members, in front of one or two demo upstreams at fixed ports."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from endurance.books import balance
from endurance.clients import Member
from endurance.expectations import Expectation
from endurance.ledger import Ledger
from endurance.seen import Seen
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes, free_port, wait_until

ALIAS = "smart-route-mini"
NAMES = ("east", "west")
FEW = 10
"""Prompts a day of the plan ``few``."""

_UPSTREAM = """
[[upstreams]]
name = "{name}"
base_url = "http://127.0.0.1:{port}/v1"
dialect = "chat"
first_byte_timeout = 20
idle_timeout = 30
"""
_CATALOG = """
[service]
max_body_mb = 2
drain_seconds = 30
{upstreams}
[[profiles]]
alias = "{alias}"
routes = [{routes}]

[[profiles]]
alias = "smart-route"
routes = [{{ upstream = "{last}", model = "demo-{last}" }}]

[[plans]]
slug = "apart"
name = "Apart"
profile = "smart-route"

[[plans]]
slug = "plenty"
name = "Plenty"
profile = "{alias}"

[[plans]]
slug = "few"
name = "Few"
profile = "{alias}"
daily = {few}

[[plans]]
slug = "single"
name = "Single"
profile = "{alias}"
open_requests = 1
"""


@dataclass(slots=True)
class Place:
    """What runs."""

    gateway: Gateway
    members: list[Member]
    upstreams: Upstreams
    folder: Path

    def books(
        self, seen: Sequence[Seen], *, had_kills: bool = False, limits: Mapping[str, int] | None = None
    ) -> list[Expectation]:
        """Wait until no reservation is open, then hold what clients saw against the rows.

        ``limits``: accounts whose quota of the day was used up, and how many prompts it has.
        """
        ledger = Ledger(self.gateway.database_url)
        with contextlib.suppress(AssertionError):  # the balance says which
            wait_until("no reservation is open", lambda: ledger.open_rows() == 0, timeout_s=30, pause_s=0.2)
        found = balance(seen, ledger.rows(), {}, had_kills=had_kills, limits=limits)
        return found[:-1]  # what clients were to see is the scenario's own to judge

    def member(self, email: str, plan: str = "plenty") -> Member:
        """Make a further account."""
        made = self.gateway.account(email, plan)
        return Member(made["email"], made["plan"], made["token"])


class Upstreams:
    """Demo upstreams at ports of their own; each can go and come back."""

    def __init__(self, processes: Processes, names: Sequence[str]) -> None:
        """Start them."""
        self._processes = processes
        self.ports = {name: free_port() for name in names}
        self.running = {name: self._started(name) for name in names}

    def stop(self, name: str) -> None:
        """End one; connections to it are refused."""
        self.running.pop(name).stop()

    def start(self, name: str) -> None:
        """Start one again."""
        self.running[name] = self._started(name)

    def stop_all(self) -> None:
        """End them."""
        for name in list(self.running):
            self.stop(name)

    def _started(self, name: str) -> Demo:
        command = [sys.executable, "-m", "demo_upstream", "--port", str(self.ports[name]), "--exit-with-stdin"]
        return Demo(self._processes, command)


@contextmanager
def place(
    processes: Processes,
    *,
    database_url: str | None = None,
    workers: int = 1,
    upstreams: int = 1,
    members: int = 4,
    env: Mapping[str, str] | None = None,
) -> Iterator[Place]:
    """Start everything; all of it ends with the block. Without ``database_url``: a SQLite file in its folder."""
    with ExitStack() as running:
        folder = processes.new_folder("chaos")
        demos = Upstreams(processes, NAMES[:upstreams])
        running.callback(demos.stop_all)
        config = _CATALOG.format(
            alias=ALIAS,
            few=FEW,
            last=NAMES[upstreams - 1],
            upstreams="".join(_UPSTREAM.format(name=name, port=port) for name, port in demos.ports.items()),
            routes=", ".join(f'{{ upstream = "{name}", model = "demo-{name}" }}' for name in demos.ports),
        )
        url = database_url or f"sqlite:///{folder / 'smartroute.db'}"
        gateway = Gateway(processes, database_url=url, workers=workers, config=config, env=env)
        running.enter_context(gateway)
        made = gateway.accounts(members, plan="plenty")
        yield Place(gateway, [Member(each["email"], each["plan"], each["token"]) for each in made], demos, folder)


def told_of(books: Sequence[Expectation]) -> tuple[bool, str, list[str]]:
    """Return the books in one: whether they balance, figures, and examples of what does not."""
    wrong = [each for each in books if not each.is_met]
    examples = [f"{each.says}: {example}" for each in wrong for example in each.examples[:2]]
    return not wrong, "; ".join(each.found for each in (wrong or books[1:4])), examples
