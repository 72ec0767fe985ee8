"""The operator's list of requests, pictures and catalog in a browser: accessible, inside their window, usable."""

from __future__ import annotations

import json
import secrets

import pytest
from playwright.sync_api import expect

from tests.harness.gateway import Gateway
from tests_browser.checks import Check
from tests_browser.pages_to_look_at import DESK, OPERATOR_PAGES, PHONE
from tests_browser.people import PASSWORD, Member, ask
from tests_browser.visits import Visits


@pytest.fixture(scope="module")
def operator(gateway: Gateway) -> Member:
    """An operator who has sent a request, and one that failed."""
    email = f"operator-{secrets.token_hex(4)}@example.org"
    done = gateway.flask("accounts", "create", email, "--password", PASSWORD, "--admin", "--json")
    assert done.returncode == 0, done.stderr
    made = Member(email, json.loads(done.stdout)["token"])
    for prompt in ("[[tokens 20]]", "[[status 500]]"):
        ask(gateway, made.token, prompt)
    return made


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (DESK, "light")])
def test_rooms_of_the_operator_look_right(
    visit: Visits, check: Check, operator: Member, width: int, scheme: str
) -> None:
    for name, path in OPERATOR_PAGES.items():
        check(visit(path, member=operator, width=width, scheme=scheme), name)


def test_operator_gets_from_the_overview_to_a_failure_without_script(visit: Visits, operator: Member) -> None:
    page = visit("/admin", member=operator, script=False)
    page.get_by_role("link", name="Failed or broken off").click()
    page.get_by_label("Account").fill(operator.email)
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_label("What became of it")).to_have_value("fault")
    page.locator(".requests .request-id a").first.click()
    expect(page.get_by_role("heading", name="Request", exact=True)).to_be_visible()
    expect(page.locator(".request-stats")).to_contain_text("Failed")
