"""A browser without JavaScript: everything can be read, and everything but the live tester can be done."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests_browser.pages_to_look_at import ALL_PATHS, GUEST_PAGES, MEMBER_PAGES, PHONE
from tests_browser.people import Member, sign_in
from tests_browser.visits import Visits


@pytest.mark.parametrize("path", ALL_PATHS)
def test_page_is_read_whole(visit: Visits, reader: Member, path: str) -> None:
    guest_only = path in GUEST_PAGES.values() and path not in MEMBER_PAGES.values()
    page = visit(path, script=False, member=None if guest_only else reader)
    main = page.get_by_role("main")
    expect(main.get_by_role("heading", level=1)).to_be_visible()
    assert len(main.inner_text()) > 100
    for section in main.locator("section:has(> h2)").all():
        expect(section).to_be_visible()
    expect(main.locator("[data-copy]:visible")).to_have_count(0)  # they need script, and do not pretend


def test_member_signs_in_and_shows_the_token_by_a_form(visit: Visits, member: Member) -> None:
    page = visit("/sign-in", script=False)
    sign_in(page, member)
    assert page.url == f"{visit.url}/docs"
    assert member.token not in page.content()
    page.locator("#token").get_by_role("button", name="Show token").click()
    expect(page.locator("#token")).to_contain_text(member.token)
    page.locator("#token").get_by_role("link", name="Hide").click()
    expect(page.locator("#token")).not_to_contain_text(member.token)


def test_tabs_of_examples_change_by_a_press(visit: Visits) -> None:
    page = visit("/docs", script=False)
    tabs = page.locator(".tabs").first
    panels = tabs.locator(".tab-panel")
    assert panels.count() >= 2
    for place in range(panels.count()):
        tabs.locator(":scope > label").nth(place).click()
        for other in range(panels.count()):
            expect(panels.nth(other)).to_be_visible(visible=other == place)


def test_upgrade_is_asked_for_and_withdrawn(visit: Visits, member: Member) -> None:
    page = visit("/plans", script=False, member=member)
    page.get_by_role("link", name="Choose Pro").click()
    page.get_by_role("button", name="Ask for Pro").click()
    expect(page.get_by_role("main")).to_contain_text("You asked for Pro")
    page.get_by_role("button", name="Withdraw the request").first.click()
    expect(page.get_by_role("main")).not_to_contain_text("You asked for Pro")


def test_menu_of_a_phone_opens(visit: Visits) -> None:
    page = visit("/", width=PHONE, script=False)
    page.get_by_text("Menu", exact=True).click()
    page.get_by_role("banner").get_by_role("link", name="Documentation").click()
    page.wait_for_url("**/docs")


def test_wrong_password_is_told_beside_the_form(visit: Visits, member: Member) -> None:
    visit.expect("status of 422")
    page = visit("/sign-in", script=False)
    page.get_by_label("E-mail address").fill(member.email)
    page.get_by_label("Password", exact=True).fill("not the password")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("do not belong together"))
    expect(page.get_by_label("E-mail address")).to_have_value(member.email)
