"""The two-step sign-in as a member goes through it, on a phone in the dark and at a desk in the light."""

from __future__ import annotations

import time

import pyotp
import pytest
from playwright.sync_api import expect

from tests_browser.checks import Check
from tests_browser.pages_to_look_at import DESK, PHONE
from tests_browser.people import PASSWORD, Member
from tests_browser.visits import Visits

STEP_S = 30


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (DESK, "light")])
def test_member_switches_it_on_signs_in_by_it_and_switches_it_off(
    visit: Visits, check: Check, member: Member, width: int, scheme: str
) -> None:
    here = visit("/account", width=width, scheme=scheme, member=member)
    here.get_by_role("link", name="Set it up").click()
    secret = (here.locator("code.spelt").inner_text()).replace(" ", "")
    app = pyotp.TOTP(secret)
    expect(here.get_by_role("img", name="QR code of the secret below")).to_be_visible()
    here.get_by_label("Code from your app").fill(app.at(int(time.time()) - STEP_S))
    here.get_by_label("Password", exact=True).fill("not the password")
    here.get_by_role("button", name="Switch on").click()
    expect(here.locator("code.spelt")).to_have_text(" ".join(secret[at : at + 4] for at in range(0, 32, 4)))
    expect(here.get_by_text("That is not the password")).to_be_visible()
    check(here, "two-step-wrong-password")
    here.get_by_label("Code from your app").fill(app.at(int(time.time()) - STEP_S))
    here.get_by_label("Password", exact=True).fill(PASSWORD)
    here.get_by_role("button", name="Switch on").click()
    codes = here.locator("#recovery-codes").inner_text().split()
    assert len(codes) == 10
    check(here, "two-step-codes")
    here.get_by_role("link", name="I have kept them").click()
    expect(here.locator("#two-step")).to_contain_text("Recovery codes left")
    here.wait_for_url("**/account#two-step")
    check(here, "two-step-account")

    there = visit("/sign-in?next=/account", width=width, scheme=scheme)
    there.get_by_label("E-mail address").fill(member.email)
    there.get_by_label("Password", exact=True).fill(PASSWORD)
    there.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(there.get_by_label("Code from your app")).to_be_focused()
    check(there, "two-step-sign-in")
    visit.expect("422")
    there.get_by_label("Code from your app").fill("000000")
    there.keyboard.press("Enter")
    expect(there.get_by_text("That is not the code")).to_be_visible()
    check(there, "two-step-wrong-code")
    there.get_by_role("link", name="Use a recovery code").click()
    expect(there.get_by_role("heading", name="Enter a recovery code")).to_be_visible()
    check(there, "two-step-recovery-code")
    there.get_by_label("Recovery code").fill(codes[0])
    there.keyboard.press("Enter")
    there.wait_for_url("**/account")

    there.get_by_role("link", name="Make new recovery codes").click()
    expect(there.get_by_role("heading", name="Make new recovery codes")).to_be_visible()
    check(there, "two-step-renew")
    there.get_by_role("link", name="Keep the old ones").click()
    there.get_by_role("link", name="Switch off").click()
    expect(there.get_by_role("heading", name="Switch the two-step sign-in off")).to_be_visible()
    check(there, "two-step-off")
    there.get_by_label("Password", exact=True).fill(PASSWORD)
    there.get_by_label("Code", exact=True).fill(codes[1])
    there.get_by_role("button", name="Switch off").click()
    there.wait_for_url("**/account#two-step")
    expect(there.locator("#two-step")).to_contain_text("your password alone signs in")
