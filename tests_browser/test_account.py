"""The account page: signed-in browsers, password, reset link, signing out, deleting."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.harness.gateway import Gateway
from tests_browser.checks import Check
from tests_browser.pages_to_look_at import DESK, PHONE, SCHEMES
from tests_browser.people import PASSWORD, Member, sign_in, status_with
from tests_browser.visits import Visits

NEW_PASSWORD = "eleven loud geese over the lake"


def signed_in_browser(visit: Visits, member: Member) -> Page:
    """One more browser, signed in by the form, at the account page."""
    page = visit("/sign-in?next=/account")
    sign_in(page, member)
    assert page.url == f"{visit.url}/account"
    return page


def assert_signed_out(page: Page) -> None:
    """The browser's next page is the sign-in form."""
    page.goto("/account")
    assert "/sign-in" in page.url


def test_other_browser_is_listed_and_signed_out_from_here(visit: Visits, member: Member) -> None:
    there = signed_in_browser(visit, member)
    here = signed_in_browser(visit, member)
    browsers = here.locator("#browsers li")
    expect(browsers).to_have_count(2)
    expect(here.get_by_text("This browser")).to_have_count(1)
    here.locator("#browsers").get_by_role("button", name="Sign out", exact=False).first.click()
    expect(browsers).to_have_count(1)
    assert_signed_out(there)
    here.reload()
    expect(browsers).to_have_count(1)


def test_changed_password_signs_other_browsers_out_and_leaves_the_token(
    visit: Visits, gateway: Gateway, member: Member
) -> None:
    there = signed_in_browser(visit, member)
    here = signed_in_browser(visit, member)
    here.get_by_role("link", name="Change password").click()
    here.get_by_label("Present password").fill(PASSWORD)
    here.get_by_label("New password").fill(NEW_PASSWORD)
    here.get_by_role("button", name="Change password").click()
    here.wait_for_url("**/account")
    assert_signed_out(there)
    assert status_with(gateway, member.token) == 200
    member.password = NEW_PASSWORD
    signed_in_browser(visit, member)


def test_wrong_present_password_changes_nothing(visit: Visits, member: Member) -> None:
    visit.expect("status of 422")
    page = signed_in_browser(visit, member)
    page.goto("/account/password")
    page.get_by_label("Present password").fill("not the password")
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.locator("main .fault").first).to_be_visible()
    signed_in_browser(visit, member)


def test_signing_out_ends_this_browser_alone(visit: Visits, member: Member) -> None:
    there = signed_in_browser(visit, member)
    here = signed_in_browser(visit, member)
    here.get_by_role("banner").get_by_role("button", name="Sign out").click()
    expect(here.get_by_role("status")).to_have_text("You are signed out.")
    assert_signed_out(here)
    there.reload()
    assert there.url == f"{visit.url}/account"


def reset_path(gateway: Gateway, member: Member) -> str:
    """The path of a reset link that the operator makes."""
    made = gateway.flask("accounts", "reset-link", member.email, "--json")
    assert made.returncode == 0, made.stderr
    [link] = [str(value) for value in json.loads(made.stdout).values() if "/reset/" in str(value)]
    return urlsplit(link).path


def test_reset_link_of_the_operator_sets_a_password_once(
    visit: Visits, gateway: Gateway, member: Member, check: Check
) -> None:
    path = reset_path(gateway, member)
    page = visit(path)
    for width in (PHONE, DESK):
        for scheme in SCHEMES:
            check(visit(path, width=width, scheme=scheme), "reset-password")
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set password").click()
    page.wait_for_url(lambda address: "/reset/" not in address)
    member.password = NEW_PASSWORD
    signed_in_browser(visit, member)
    visit.expect("status of 410")
    check(visit(path, status=410), "reset-refused")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without"])
def test_deleted_account_is_gone_with_its_token(visit: Visits, gateway: Gateway, member: Member, script: bool) -> None:
    page = visit("/account", member=member, script=script)
    page.get_by_role("link", name="Delete account").click()
    assert status_with(gateway, member.token) == 200
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Delete account").click()
    page.wait_for_url(lambda address: "/account" not in address)
    assert status_with(gateway, member.token) == 401
    assert_signed_out(page)
