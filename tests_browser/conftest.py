"""Fixtures of the browser tests: Debian's Chromium in front of a real gateway on the demo upstream."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes
from tests_browser import checks
from tests_browser.past import give_a_past
from tests_browser.people import Member, ask, make_members
from tests_browser.visits import Visits

PROCESSES = pytest.StashKey[Processes]()
MADE_AT_ONCE = 8
SMALL_CONFIG = """
[service]
registration = "closed"

[[upstreams]]
name = "demo"
base_url = "{base_url}"

[[profiles]]
alias = "smart-route-mini"

[[profiles.routes]]
upstream = "demo"
model = "demo-model"

[[plans]]
slug = "free"
daily = 2
monthly = 1000
"""

MakeMember = Callable[[], Member]
VisitAt = Callable[[Gateway], Visits]


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where a person finds the pictures."""
    terminalreporter.write_line(f"Screenshots of the pages: {checks.SCREENSHOTS}")


@pytest.fixture(scope="session")
def processes(pytestconfig: pytest.Config) -> Processes:
    """Starts programs that end with the session."""
    return pytestconfig.stash[PROCESSES]


@pytest.fixture(scope="session")
def demo(processes: Processes) -> Iterator[Demo]:
    """The session's demo upstream."""
    demo = Demo(processes)
    yield demo
    demo.stop()


@pytest.fixture(scope="session")
def gateway(processes: Processes, demo: Demo) -> Iterator[Gateway]:
    """A running gateway on SQLite that all tests share; each keeps to members of its own there."""
    database = processes.new_folder("database") / "smartroute.db"
    env = {"UPSTREAM_BASE_URL": demo.base_url, "UPSTREAM_MODEL": "demo-model"}
    with Gateway(processes, database_url=f"sqlite:///{database}", env=env) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def small_gateway(processes: Processes, demo: Demo) -> Iterator[Gateway]:
    """A gateway whose first plan has two prompts a day, and which takes no sign-ups; all tests share it."""
    database = processes.new_folder("database") / "smartroute.db"
    config = SMALL_CONFIG.format(base_url=demo.base_url)
    with Gateway(processes, database_url=f"sqlite:///{database}", config=config) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What starts browsers."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """The browser of most tests."""
    browser = launch(playwright)
    yield browser
    browser.close()


def launch(playwright: Playwright, *settings: str) -> Browser:
    """Start Chromium as Debian has it: Playwright's own is neither fetched nor wanted."""
    program = shutil.which("chromium")
    assert program, "Chromium is not installed: tools/need-chromium installs it"
    # Names are resolved nowhere: a page that asks for another site fails at once, on every machine alike.
    arguments = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", *settings]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium refuses to run as root with it
    return playwright.chromium.launch(executable_path=program, args=arguments)


@pytest.fixture
def visit_at(browser: Browser) -> Iterator[VisitAt]:
    """``visit_at(gateway)`` opens pages of any gateway. What browsers complain about fails the test."""
    opened: list[Visits] = []

    def visit_at(gateway: Gateway) -> Visits:
        opened.append(Visits(browser, gateway.url))
        return opened[-1]

    yield visit_at
    faults = [fault for visits in opened for fault in visits.close()]
    assert not faults, "\n".join(faults)


@pytest.fixture
def visit(visit_at: VisitAt, gateway: Gateway) -> Visits:
    """Opens pages of the shared gateway; see ``Visits``."""
    return visit_at(gateway)


@pytest.fixture
def check() -> checks.Check:
    """``check(page, name)``: screenshot, axe-core, no scrolling sideways; see ``checks.check``."""
    return checks.check


@pytest.fixture(scope="session")
def make_member(gateway: Gateway) -> MakeMember:
    """Gives a new member with the first plan at each call; accounts are made several at a time."""
    waiting: list[Member] = []

    def make() -> Member:
        if not waiting:
            waiting.extend(make_members(gateway, MADE_AT_ONCE))
        return waiting.pop()

    return make


@pytest.fixture
def member(make_member: MakeMember) -> Member:
    """A new member, the test's own."""
    return make_member()


@pytest.fixture(scope="session")
def reader(gateway: Gateway, make_member: MakeMember) -> Member:
    """A member with a few requests behind them, shared by tests that change nothing of theirs."""
    reader = make_member()
    ask(gateway, reader.token, "Good morning")
    ask(gateway, reader.token, "Tell me more", stream=True)
    ask(gateway, reader.token, "[[reset before]]")
    return reader


@pytest.fixture(scope="session")
def veteran(gateway: Gateway) -> Member:
    """A member on a higher plan with four weeks of requests behind them, shared as ``reader`` is."""
    [veteran] = make_members(gateway, 1, plan="pro")
    give_a_past(gateway, veteran, days=28, requests=400)
    ask(gateway, veteran.token, "Good morning")
    return veteran
