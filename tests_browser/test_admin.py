"""The operator pages in a browser: how they look, and the way from a request id to its receipt."""

from __future__ import annotations

import json
import secrets

import pytest
from playwright.sync_api import expect

from tests.harness.gateway import Gateway
from tests_browser.checks import Check
from tests_browser.pages_to_look_at import DESK, PHONE, SCHEMES
from tests_browser.people import PASSWORD, Member, ask
from tests_browser.visits import Visits


@pytest.fixture(scope="module")
def operator(gateway: Gateway) -> Member:
    """An operator, shared by these tests."""
    email = f"operator-{secrets.token_hex(4)}@example.org"
    done = gateway.flask("accounts", "create", email, "--password", PASSWORD, "--admin", "--json")
    assert done.returncode == 0, done.stderr
    return Member(email, json.loads(done.stdout)["token"])


@pytest.fixture(scope="module")
def failed(gateway: Gateway, operator: Member) -> str:
    """The id of a request that broke after its first output."""
    answer = ask(gateway, operator.token, "[[tokens 20]] [[pace 20]] [[drop 8]]", stream=True)
    return str(answer.headers["x-request-id"])


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_operator_pages_look_right(
    visit: Visits, check: Check, operator: Member, failed: str, width: int, scheme: str
) -> None:
    check(visit("/admin", member=operator, width=width, scheme=scheme), "admin")
    check(visit(f"/admin/requests/{failed}", member=operator, width=width, scheme=scheme), "admin-request")
    page = visit("/admin/dry-run", member=operator, width=width, scheme=scheme)
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("heading", name="What would become of it")).to_be_visible()
    check(page, "admin-dry-run")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without"])
def test_operator_gets_from_a_request_id_to_its_attempts(
    visit: Visits, operator: Member, failed: str, script: bool
) -> None:
    page = visit("/admin", member=operator, script=script)
    page.get_by_label("Request id").fill(failed)
    page.get_by_label("Request id").press("Enter")
    page.wait_for_url(f"**/admin/requests/{failed}")
    expect(page.locator(".attempts li")).to_have_count(1)
    expect(page.locator(".attempts .fault").first).to_contain_text("the answer was cut off")
    expect(page.get_by_role("img", name="Sent after")).to_be_visible()


def test_body_that_is_no_json_stays_in_the_form_with_the_fault_below(visit: Visits, operator: Member) -> None:
    visit.expect("status of 422")
    page = visit("/admin/dry-run", member=operator)
    page.get_by_label("JSON body").fill('{"messages": ')
    page.get_by_label("Endpoint").select_option("responses")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("alert")).to_contain_text("It is no JSON")
    expect(page.get_by_label("JSON body")).to_have_value('{"messages": ')
    expect(page.get_by_label("Endpoint")).to_have_value("responses")
