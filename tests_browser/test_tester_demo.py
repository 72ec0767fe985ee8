"""The documentation while nothing is connected: its examples are such that the built-in demo plays them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.harness.gateway import Gateway
from tests.harness.processes import Processes
from tests_browser.conftest import VisitAt
from tests_browser.people import make_members
from tests_browser.tester import fact
from tests_browser.visits import Visits


@pytest.fixture(scope="module")
def unconnected(processes: Processes) -> Iterator[Gateway]:
    """A gateway as a newcomer starts it."""
    database = processes.new_folder("unconnected") / "smartroute.db"
    with Gateway(processes, database_url=f"sqlite:///{database}") as gateway:
        yield gateway


def test_slow_answer_is_seen_to_come_and_can_be_stopped(visit_at: VisitAt, unconnected: Gateway) -> None:
    [member] = make_members(unconnected, 1)
    visit = visit_at(unconnected)
    visit.expect("ERR_ABORTED")
    page = visit("/docs", member=member)
    page.get_by_role("button", name="Slow answer").click()
    expect(page.locator("#try-prompt")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#try-readable")).to_contain_text("w2")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#try-status")).to_have_text("Stopped after output had begun: counted 1 prompt.")
    assert "w40" not in page.locator("#try-readable").inner_text()
    expect(fact(page, "Quota")).to_contain_text("200 → 199 left")
    expect(page.locator(".desk-quota dd strong").first).to_have_text("199")


def test_smoke_test_of_codex_is_one_that_the_demo_understands(visit_at: VisitAt, unconnected: Gateway) -> None:
    page = visit_at(unconnected)("/docs")
    expect(page.locator("#codex-smoke-line")).to_contain_text('[[tool exec_command {"cmd": "pwd"}]]')
    expect(page.locator("[data-copy=codex-smoke-line]")).to_be_visible()


def test_examples_for_the_demo_are_not_shown_to_members_of_a_connected_service(visit: Visits) -> None:
    page = visit("/docs")
    expect(page.locator("#codex-smoke-line")).to_contain_text(re.compile("Run pwd with the shell tool"))
    expect(page.locator("body")).not_to_contain_text("[[tool")


def test_reference_fills_the_token_in_on_copy(visit_at: VisitAt, unconnected: Gateway) -> None:
    [member] = make_members(unconnected, 1)
    page = visit_at(unconnected)("/docs/reference/chat", member=member)
    page.locator("[data-copy=token-variable]").click()
    expect(page.locator("[data-copy=token-variable]")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"export AI_TOOLS_ROUTER_API_KEY='{member.token}'"
    assert member.token not in page.content()
