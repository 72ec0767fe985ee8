"""The desk and the head of the documentation: the next step for a new member, figures that follow, copy buttons."""

from __future__ import annotations

from playwright.sync_api import expect

from tests_browser.pages_to_look_at import PHONE
from tests_browser.people import Member
from tests_browser.tester import ended, open_tester, send
from tests_browser.visits import Visits

TOLD_FOR_MS = 5_000  # a copy button says so for half of it


def test_new_member_is_led_to_a_first_request(visit: Visits, member: Member) -> None:
    page = visit("/docs", member=member, width=PHONE)
    step = page.get_by_role("region", name="Your first request")
    expect(step.get_by_role("link", name="Codex CLI")).to_have_attribute("href", "#codex")
    step.get_by_role("link", name="Try it in the browser").click()
    expect(page.get_by_role("heading", name="Try it here")).to_be_in_viewport()


def test_head_and_desk_show_what_is_left_after_a_request_of_the_tester(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    tracks, short = page.locator(".docs-tracks strong"), page.locator(".desk-quota dd strong")
    expect(tracks).to_have_text(["200", "1,000"])
    send(page, "Say hello")
    ended(page)
    expect(tracks).to_have_text(["199", "999"])
    expect(short).to_have_text(["199", "999"])
    expect(page.locator(".docs-tracks")).to_contain_text("1 used")
    expect(page.get_by_label("Your desk")).to_contain_text("Last used just now.")
    expect(page.get_by_label("Your desk")).not_to_contain_text("Your first request")


def test_copy_button_has_its_own_words_again_afterwards(visit: Visits, member: Member) -> None:
    page = visit("/docs", member=member)
    button = page.locator("[data-copy='base-address']")
    before = button.inner_html()
    assert "unseen" in before
    button.click()
    expect(button).to_have_text("Copied")
    expect(button).not_to_have_text("Copied", timeout=TOLD_FOR_MS)
    assert button.inner_html() == before
