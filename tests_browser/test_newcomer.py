"""From no account to a first answer, to a used-up quota, to another plan."""

from __future__ import annotations

import json
import re
import secrets

from playwright.sync_api import Locator, Page, expect

from tests.harness.gateway import Gateway
from tests_browser.checks import Check
from tests_browser.conftest import VisitAt
from tests_browser.people import PASSWORD, Member, ask, make_members
from tests_browser.visits import Visits


def tracks(page: Page) -> Locator:
    """The bars of the day and of the month."""
    return page.locator(".track")


def test_stranger_signs_up_and_watches_a_first_answer_arrive(visit: Visits) -> None:
    page = visit("/")
    page.get_by_role("banner").get_by_role("link", name="Create an account").click()
    page.get_by_label("E-mail address").fill(f"stranger-{secrets.token_hex(4)}@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name=re.compile("Create")).click()
    page.wait_for_url("**/docs")
    expect(tracks(page).first).to_contain_text("200 of 200 prompts left")
    page.locator("#try-prompt").fill("[[reply One answer for a stranger]]")
    page.locator("#try-send").click()
    expect(page.locator("#try-readable")).to_have_text("One answer for a stranger")
    expect(page.locator("#try-facts")).to_contain_text("counted 1 prompt")
    page.reload()
    expect(tracks(page).first).to_contain_text("199 of 200 prompts left")
    page.goto("/usage")
    expect(page.get_by_role("main")).to_contain_text("req_")


def test_used_up_quota_is_told_by_the_tester_and_fills_the_track(
    visit_at: VisitAt, small_gateway: Gateway, check: Check
) -> None:
    [member] = make_members(small_gateway, 1)
    visit = visit_at(small_gateway)
    visit.expect("status of 429")
    page = visit("/docs", member=member)
    for left in (1, 0):
        page.locator("#try-send").click()
        expect(page.locator("#try-facts")).to_contain_text(f"{left} left, this month")
        expect(page.locator("#try-stop")).to_be_disabled()
    page.locator("#try-send").click()
    expect(page.locator("#try-trouble")).to_contain_text("429")
    expect(page.locator("#try-trouble")).to_contain_text(re.compile(r"00:00 UTC|in \d+ (h|min)"))
    check(page, "quota-reached-tester")
    for _ in range(2):  # as the tester has counted, and as the service tells
        expect(tracks(page).first).to_contain_text("0 of 2 prompts left")
        expect(page.locator(".desk-quota dd").first).to_contain_text("0 left")
        assert tracks(page).first.locator("progress").evaluate("bar => bar.value === bar.max")
        page.reload()
    assert ask(small_gateway, member.token).status_code == 429
    check(page, "quota-reached")


def test_upgrade_is_asked_for_decided_by_the_operator_and_seen(
    visit: Visits, gateway: Gateway, member: Member, check: Check
) -> None:
    page = visit("/plans", member=member)
    expect(page.get_by_role("main")).to_contain_text("You are on Free")
    page.get_by_role("link", name="Choose Pro").click()
    expect(page.locator("#change")).to_contain_text("3,000")
    page.get_by_label("A note to the operator").fill("We index our manuals & <drawings>.")
    page.get_by_role("button", name="Ask for Pro").click()
    state = page.locator(".upgrade-state").first
    expect(state).to_contain_text("You asked for Pro")
    expect(state).to_contain_text("We index our manuals & <drawings>.")
    check(page, "upgrade-asked")

    waiting = json.loads(gateway.flask("upgrades", "list", "--json").stdout)
    requests = (
        waiting if isinstance(waiting, list) else next(each for each in waiting.values() if isinstance(each, list))
    )
    [request] = [each for each in requests if each["email"] == member.email]
    approved = gateway.flask("upgrades", "approve", str(request["id"]))
    assert approved.returncode == 0, approved.stderr

    page.goto("/account")
    expect(page.locator(".upgrade-state")).to_contain_text("approved")
    page.goto("/plans")
    expect(page.get_by_role("main")).to_contain_text("You are on Pro")
    assert ask(gateway, member.token, model="smart-route-deep").json()["model"] == "smart-route-deep"
