"""The "Check it" button beside each set-up: what the client would ask, step by step, with the member's own token."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests_browser.people import Member
from tests_browser.visits import Visits

STEPS = {"codex": 7, "kilo": 6, "vscode": 6, "sdks": 6, "curl": 6}


def checked(page: Page, client: str, *, plays: bool = True) -> Locator:
    """Press the button of one set-up and wait for its last step; ``plays``: the demo calls a tool when told to."""
    box = page.locator(f".check[data-client={client}]")
    if plays:
        box.evaluate("box => { box.dataset.demo = 'yes'; }")
    box.get_by_role("button").click()
    expect(box.get_by_role("status")).to_have_text(re.compile("steps passed|The set-up works"), timeout=30_000)
    return box


@pytest.mark.parametrize("client", STEPS)
def test_set_up_that_works_passes_every_step_and_counts_what_it_said(
    visit: Visits, member: Member, client: str
) -> None:
    box = checked(visit("/docs", member=member), client)
    expect(box.get_by_role("status")).to_have_text("All steps passed.")
    expect(box.locator("li[data-state=passed]")).to_have_count(STEPS[client])
    said = 1 if "one prompt" in box.inner_text() else 2
    expect(box.locator("li").last).to_contain_text(f"{said} prompt")


def test_model_that_calls_no_tool_is_a_remark_and_no_failure(visit: Visits, member: Member) -> None:
    box = checked(visit("/docs", member=member), "codex", plays=False)
    expect(box.get_by_role("status")).to_have_text("The set-up works. One thing to note below.")
    expect(box.locator("li[data-state=note]")).to_contain_text("take a stronger alias")


def test_figures_of_the_page_follow_a_check(visit: Visits, member: Member) -> None:
    page = visit("/docs", member=member)
    before = page.locator(".docs-tracks .track strong").first.inner_text()
    checked(page, "curl")
    expect(page.locator(".docs-tracks .track strong").first).not_to_have_text(before)
    shown = page.locator(".docs-tracks .track strong").first.inner_text()
    expect(page.locator(".desk-quota dd strong").first).to_have_text(shown)


def test_token_that_was_revoked_in_another_window_fails_the_first_step(visit: Visits, member: Member) -> None:
    page, other = visit("/docs", member=member), visit("/docs?confirm=revoke", member=member)
    other.get_by_role("button", name="Revoke the token now").click()
    box = checked(page, "codex")
    expect(box.locator("li")).to_have_count(1)
    expect(box.locator("li")).to_contain_text("Reload the page")


def test_failing_model_is_told_apart_from_a_wrong_set_up(visit: Visits, member: Member) -> None:
    visit.expect("502")
    page = visit("/docs", member=member)
    body = (
        '{"error": {"message": "The model failed.", "type": "server_error", "param": null, "code": "upstream_error"}}'
    )
    headers = {"x-request-id": "req_0", "content-type": "application/json"}
    page.route("**/v1/chat/completions", lambda route: route.fulfill(status=502, headers=headers, body=body))
    box = checked(page, "kilo")
    failed = box.locator("li[data-state=failed]")
    expect(failed).to_contain_text("The set-up is right")
    expect(failed.get_by_role("link")).to_have_attribute("href", "#error-upstream_error")
    expect(box.get_by_role("button")).to_have_text("Check it: Kilo Code")


def test_check_can_be_stopped(visit: Visits, member: Member) -> None:
    page = visit("/docs", member=member)
    visit.expect("failed request: GET .*/usage")
    page.route("**/v1/usage", lambda _route: None)  # never answered
    box = page.locator(".check[data-client=curl]")
    box.get_by_role("button").click()
    expect(box.locator("li")).to_have_count(2)
    with page.expect_event("requestfailed"):
        box.get_by_role("button", name="Stop").click()
    expect(box.locator("li").last).to_contain_text("You stopped it.")


def test_guest_has_no_such_button(visit: Visits) -> None:
    expect(visit("/docs").get_by_role("button", name=re.compile("Check it"))).to_have_count(0)
