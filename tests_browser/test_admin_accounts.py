"""The operator's pages of accounts and of the audit log in a browser: how they look, and what is done on them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.harness.gateway import Gateway
from tests_browser.checks import Check
from tests_browser.pages_to_look_at import DESK, PHONE
from tests_browser.people import Member, make_members, status_with
from tests_browser.test_admin import operator as operator
from tests_browser.visits import Visits


@pytest.fixture(scope="module")
def member(gateway: Gateway) -> Member:
    """Whose account it is about, shared by these tests."""
    return make_members(gateway, 1, plan="plus")[0]


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (DESK, "light")])
def test_pages_look_right(
    visit: Visits, check: Check, operator: Member, member: Member, width: int, scheme: str
) -> None:
    page = visit("/admin/accounts", member=operator, width=width, scheme=scheme)
    check(page, "admin-accounts")
    page.get_by_role("link", name=member.email).click()
    page.get_by_role("heading", level=1, name=member.email).wait_for()
    for fold in page.locator("details.twice > summary").all():
        fold.click()
    check(page, "admin-account")
    page.get_by_role("button", name="Make a reset link").click()
    expect(page.get_by_role("heading", name="Reset link")).to_be_visible()
    check(page, "admin-account-link")
    check(visit("/admin/audit", member=operator, width=width, scheme=scheme), "admin-audit")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without"])
def test_operator_finds_an_account_suspends_and_resumes_it(
    visit: Visits, gateway: Gateway, operator: Member, member: Member, script: bool
) -> None:
    page = visit("/admin/accounts", member=operator, script=script)
    page.get_by_label("Address begins with").fill(member.email[:12])
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name=member.email).click()
    page.locator("summary", has_text="Suspend").click()
    assert status_with(gateway, member.token) == 200
    page.get_by_role("button", name="Suspend now").click()
    expect(page.get_by_role("status")).to_have_text("The account is suspended.")
    assert status_with(gateway, member.token) == 401
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("status")).to_have_text("The account goes on.")
    assert status_with(gateway, member.token) == 200
    expect(page.get_by_role("table", name="What was changed")).to_contain_text("account.resumed")


def test_bonus_is_given_on_the_page_and_shown_to_the_member(visit: Visits, operator: Member, member: Member) -> None:
    page = visit("/admin/accounts", member=operator)
    page.get_by_role("link", name=member.email).click()
    page.get_by_label("More a day").fill("100")
    page.get_by_label("Last day").fill("2100-12-31")
    page.get_by_role("button", name="Give bonus").click()
    expect(page.get_by_role("main")).to_contain_text("of 600 prompts left")
    expect(visit("/account", member=member).get_by_role("main")).to_contain_text("100 more a day")
