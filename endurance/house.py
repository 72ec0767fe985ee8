"""Everything that a run needs, started for it alone: upstreams, database, gateway, accounts; and the load process."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from endurance.clients import Member
from endurance.traffic import Settings
from endurance.upstreams import Demos
from tests.harness.gateway import Gateway
from tests.harness.mariadb import MariaDB
from tests.harness.processes import ROOT, Processes, wait_until

PASSWORD = "correct horse battery"
OPERATOR, PEOPLE = "operator@example.org", ("person1@example.org", "person2@example.org")
PLANS = {
    "free": "smart-route-mini",
    "plus": "smart-route",
    "business": "smart-route-focus",
    "pro": "smart-route-deep",
    "ultimate": "smart-route-ultra",
    "max": "smart-route-turbo",
    "unlimited": "smart-route-infinite",
}
FAST = ("max", "unlimited")
_SERVICE = """
[service]
max_body_mb = 1
drain_seconds = 20

"""
_PLAN = '[[plans]]\nslug = "{slug}"\nname = "{slug}"\nprofile = "{alias}"\n{more}\n'


@dataclass(frozen=True, slots=True)
class House:
    """What runs."""

    processes: Processes
    demos: Demos
    gateway: Gateway
    folder: Path
    """For notes and figures of the run; it goes with the processes' own."""
    members: list[Member]
    spender: Member
    crowded: Member
    daily_of_spender: int
    operator: str
    people: list[str]

    def settings(self, rate: float, run: str = "endurance", dawdle_s: float = 30.0) -> Settings:
        """Return what a load process needs to know."""
        return Settings(
            port=self.gateway.port,
            rate=rate,
            run=run,
            members=self.members,
            spender=self.spender,
            crowded=self.crowded,
            spend_at_most=self.daily_of_spender,
            dawdle_s=dawdle_s,
            operator=self.operator,
            people=self.people,
            password=PASSWORD,
        )


@contextmanager
def running_house(
    processes: Processes,
    *,
    database: str = "sqlite",
    workers: int = 2,
    daily_of_spender: int = 100,
    env: Mapping[str, str] | None = None,
) -> Iterator[House]:
    """Start upstreams, database (``sqlite`` or ``mariadb``) and gateway; all end with the block."""
    with ExitStack() as running:
        demos = Demos(processes)
        running.callback(demos.stop)
        folder = processes.new_folder("endurance")
        if database == "mariadb":
            server = MariaDB(processes)
            running.callback(server.stop)
            url = server.create_database()
        else:
            url = f"sqlite:///{folder / 'smartroute.db'}"
        config = _SERVICE + demos.config() + _plans(daily_of_spender)
        gateway = running.enter_context(Gateway(processes, database_url=url, workers=workers, config=config, env=env))
        made = _accounts(gateway)
        yield House(
            processes=processes,
            demos=demos,
            gateway=gateway,
            folder=folder,
            members=made[: len(PLANS)],
            spender=made[len(PLANS)],
            crowded=made[len(PLANS) + 1],
            daily_of_spender=daily_of_spender,
            operator=OPERATOR,
            people=list(PEOPLE),
        )


class Load:
    """The load process. ``say`` tells it what to do, ``stop`` waits for its last answers."""

    def __init__(self, house: House, settings: Settings) -> None:
        """Start it; it begins with the mode ``pause``."""
        self._processes = house.processes
        self.folder = house.processes.new_folder("load")
        path = self.folder / "settings.json"
        path.write_text(json.dumps(asdict(settings)), encoding="utf-8")
        with (self.folder / "stderr.log").open("wb") as log:
            command = [sys.executable, "-m", "endurance.traffic", str(path)]
            self.process = self._processes.start(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=log)
        wait_until("the load process runs", lambda: self.progress() or self.process.poll() is not None)

    @property
    def notes(self) -> Path:
        """Where it notes what its clients saw (``seen.read_notes``)."""
        return self.folder / "seen.jsonl"

    def say(self, word: str) -> None:
        """Tell it ``mixed``, ``calm``, ``pause`` or ``rest``; see ``traffic``.

        Raises:
            RuntimeError: it has ended, with what it wrote.
        """
        assert self.process.stdin is not None
        try:
            os.write(self.process.stdin.fileno(), word.encode() + b"\n")
        except OSError as error:
            raise RuntimeError(f"the load process has ended:\n{self.trouble()}") from error

    def progress(self) -> dict[str, Any]:
        """Return ``at`` (monotonic), ``mode``, ``sent``, ``open``, ``running``, ``held_back`` as of the last second."""
        try:
            told: dict[str, Any] = json.loads((self.folder / "progress.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return told

    def wait_until_quiet(self, timeout_s: float) -> bool:
        """After ``pause``: wait for what is open to end; tell whether it did."""
        end = time.monotonic() + timeout_s
        time.sleep(1.5)  # progress is told every second
        while time.monotonic() < end:
            told = self.progress()
            if told["mode"] == "pause" and told["running"] == 0:
                return True
            time.sleep(0.2)
        return False

    def stop(self, patience_s: float = 120) -> int:
        """Have it end when its open requests have; give its exit code."""
        with contextlib.suppress(RuntimeError, ValueError):  # it may have ended, or been stopped before
            self.say("stop")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(patience_s)
        return self._processes.stop(self.process)

    def trouble(self) -> str:
        """Return what it wrote to standard error."""
        return (self.folder / "stderr.log").read_text(errors="replace")


def _plans(daily_of_spender: int) -> str:
    plans = []
    for slug, alias in PLANS.items():
        more = ['speed = "fast"'] if slug in FAST else []
        if slug != "unlimited":
            more += ["daily = 1000000", "monthly = 10000000"]
        plans.append(_PLAN.format(slug=slug, alias=alias, more="\n".join(more)))
    plans.append(_PLAN.format(slug="spent", alias="smart-route-mini", more=f"daily = {daily_of_spender}"))
    plans.append(_PLAN.format(slug="crowded", alias="smart-route-mini", more="open_requests = 2"))
    return "\n".join(plans)


def _accounts(gateway: Gateway) -> list[Member]:
    """Make all accounts in one process: those of the plans, and people who can sign in."""
    create = ["accounts", "create"]
    commands = [[*create, f"{plan}@example.org", "--plan", plan, "--json"] for plan in (*PLANS, "spent", "crowded")]
    people = [(OPERATOR, "--admin"), *((email, "--json") for email in PEOPLE)]
    commands += [[*create, email, "--password", PASSWORD, "--plan", "free", "--json", more] for email, more in people]
    done = gateway.run_commands(commands)
    made = [json.loads(text) for text in done]
    return [Member(each["email"], each["plan"], each["token"]) for each in made]
