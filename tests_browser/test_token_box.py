"""The token box: masked, shown, copied, replaced after a question, revoked, made anew."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.harness.gateway import Gateway
from tests_browser.people import Member, status_with
from tests_browser.visits import Visits

WHOLE_TOKEN = re.compile(r"sr_[0-9A-Za-z]{33}\b")


def token_box(page: Page) -> Locator:
    """The part of the documentation page that holds the token."""
    return page.locator("#token")


def press(page: Page, name: str) -> None:
    """Press a button of the token box by its label."""
    token_box(page).get_by_role("button", name=re.compile(name)).click()


def shown_token(page: Page) -> str:
    """Show the token and read it."""
    press(page, "^Show")
    expect(token_box(page)).to_contain_text(WHOLE_TOKEN)
    found = WHOLE_TOKEN.search(token_box(page).inner_text())
    assert found
    return found[0]


def copied(page: Page) -> str:
    """What the clipboard holds."""
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_token_is_masked_until_it_is_asked_for(visit: Visits, member: Member) -> None:
    page = visit("/docs", member=member)
    assert member.token not in page.content()
    assert shown_token(page) == member.token


def test_copied_token_is_the_whole_one_and_the_button_says_so(visit: Visits, member: Member) -> None:
    page = visit("/docs", member=member)
    press(page, "^Copy token")
    expect(token_box(page).get_by_role("button", name="Copied")).to_be_visible()
    assert copied(page) == member.token
    assert member.token not in page.content()


def test_token_is_filled_into_a_copied_command_and_stays_masked_on_the_screen(visit: Visits, member: Member) -> None:
    page = visit("/docs", member=member)
    copiers = page.locator("#content [data-copy]:visible")
    filled = 0
    for place in range(copiers.count()):
        source = page.locator(f"#{copiers.nth(place).get_attribute('data-copy')}")
        if "•" not in (source.text_content() or ""):
            continue
        copiers.nth(place).click()
        expect(copiers.nth(place)).to_have_text("Copied")
        assert member.token in copied(page)
        filled += 1
    assert filled >= 2  # the token box itself, and one command at least
    assert member.token not in page.content()


def test_regenerating_asks_first_and_then_the_old_token_is_refused(
    visit: Visits, gateway: Gateway, member: Member
) -> None:
    page = visit("/docs", member=member)
    press(page, "^Regenerate")
    expect(token_box(page)).to_contain_text("stops at once")
    assert status_with(gateway, member.token) == 200
    press(page, "^Replace")
    expect(page.get_by_text("A new token was made")).to_be_visible()
    assert status_with(gateway, member.token) == 401
    new = shown_token(page)
    assert new != member.token
    assert status_with(gateway, new) == 200


def test_whoever_thinks_better_of_regenerating_keeps_the_token(visit: Visits, gateway: Gateway, member: Member) -> None:
    page = visit("/docs", member=member)
    press(page, "^Regenerate")
    token_box(page).get_by_role("link", name="Keep it").click()
    expect(token_box(page).get_by_role("button", name=re.compile("^Regenerate"))).to_be_visible()
    assert shown_token(page) == member.token
    assert status_with(gateway, member.token) == 200


def test_revoked_token_stays_revoked_until_a_new_one_is_made(visit: Visits, gateway: Gateway, member: Member) -> None:
    page = visit("/docs", member=member)
    press(page, "^Revoke")
    assert status_with(gateway, member.token) == 200
    press(page, "^Revoke")
    expect(token_box(page)).to_contain_text("revoked")
    page.reload()
    expect(token_box(page)).to_contain_text("revoked")
    assert status_with(gateway, member.token) == 401
    press(page, "^Make a new token")
    assert status_with(gateway, shown_token(page)) == 200
    assert status_with(gateway, member.token) == 401
