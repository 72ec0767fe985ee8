"""Error pages: brought about for real, looked at like every other page, each with a way on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import abort
from playwright.sync_api import Page, expect

from tests.accounts.house import Visitor, open_house
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes
from tests_browser.checks import Check
from tests_browser.conftest import VisitAt
from tests_browser.pages_to_look_at import DESK, PHONE, SCHEMES
from tests_browser.people import Member, make_members
from tests_browser.visits import HEIGHTS, Visits

TRIES_WITH_ONE_ADDRESS = 10  # in 15 minutes


@pytest.fixture
def sign_in_asked_for(tmp_path: Path) -> str:
    """The page for 401, which no address leads to: guests are sent to the sign-in form instead."""
    with open_house(f"sqlite:///{tmp_path / 'smartroute.db'}") as app:
        app.add_url_rule("/members-only", "members_only", lambda: abort(401))
        return Visitor(app).get("/members-only").text


@pytest.fixture(scope="module")
def broken_gateway(processes: Processes, demo: Demo) -> Iterator[Gateway]:
    """A gateway whose database is going to be spoilt."""
    database = processes.new_folder("database") / "smartroute.db"
    env = {"UPSTREAM_BASE_URL": demo.base_url, "UPSTREAM_MODEL": "demo-model"}
    with Gateway(processes, database_url=f"sqlite:///{database}", env=env) as gateway:
        yield gateway


def look_from_all_sides(page: Page, check: Check, name: str) -> None:
    """Check one page, as it stands, at both widths and in both schemes."""
    for width, scheme in zip((PHONE, DESK), SCHEMES, strict=True):
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        check(page, name)


def expect_error(page: Page, status: int) -> None:
    """The page names its status, says what to do, and leads on."""
    main = page.get_by_role("main")
    expect(main).to_contain_text(str(status))
    expect(main.get_by_role("heading", level=1)).to_be_visible()
    assert main.get_by_role("link").count() >= 1


def test_page_for_members_is_401_and_leads_through_the_form(
    visit: Visits, check: Check, sign_in_asked_for: str
) -> None:
    visit.expect("status of 401")
    page = visit.blank()
    page.route("**/members-only", lambda route: route.fulfill(status=401, body=sign_in_asked_for))
    page.goto("/members-only")
    expect_error(page, 401)
    way = page.get_by_role("main").get_by_role("link", name="Sign in")
    expect(way).to_have_attribute("href", "/sign-in?next=/members-only")
    look_from_all_sides(page, check, "error-401")


def test_missing_page_is_404_for_guests_and_members(visit: Visits, check: Check, reader: Member) -> None:
    visit.expect("status of 404")
    page = visit("/no-such-page", status=404, member=reader)
    expect_error(page, 404)
    page = visit("/no-such-page", status=404)
    expect_error(page, 404)
    look_from_all_sides(page, check, "error-404")


def test_wrong_way_to_use_a_page_is_405(visit: Visits, check: Check) -> None:
    visit.expect("status of 405")
    page = visit("/sign-out", status=405)
    expect_error(page, 405)
    look_from_all_sides(page, check, "error-405")


def test_form_that_is_out_of_date_is_400_and_says_to_load_it_anew(visit: Visits, check: Check) -> None:
    visit.expect("status of 400")
    page = visit("/sign-in")
    page.context.clear_cookies()
    fill_in_sign_in(page, "somebody@example.org")
    expect_error(page, 400)
    expect(page.get_by_role("main")).to_contain_text("out of date")
    look_from_all_sides(page, check, "error-400")


def test_sign_up_at_a_closed_service_is_403(visit_at: VisitAt, small_gateway: Gateway, check: Check) -> None:
    visit = visit_at(small_gateway)
    visit.expect("status of 403")
    page = visit("/sign-in")
    page.locator("main form").evaluate("form => { form.action = '/sign-up'; }")
    fill_in_sign_in(page, "somebody@example.org")
    page.wait_for_url(f"{visit.url}/sign-up")
    expect(page.get_by_role("main").get_by_role("heading", level=1)).to_be_visible()
    look_from_all_sides(page, check, "error-403")


def test_far_too_long_form_is_413(visit: Visits, check: Check) -> None:
    visit.expect("status of 413")
    page = visit("/sign-in")
    fill_in_sign_in(page, "somebody@example.org", password="x" * 2_000_000)
    expect_error(page, 413)
    look_from_all_sides(page, check, "error-413")


def test_too_many_wrong_passwords_are_429_with_the_time_to_wait(
    visit_at: VisitAt, small_gateway: Gateway, check: Check
) -> None:
    visit = visit_at(small_gateway)
    visit.expect("status of 422")
    visit.expect("status of 429")
    page = visit("/sign-in")
    for _ in range(TRIES_WITH_ONE_ADDRESS):
        fill_in_sign_in(page, "guessed@example.org")
        expect(page.get_by_role("main")).to_contain_text("do not belong together")
    fill_in_sign_in(page, "guessed@example.org")
    expect_error(page, 429)
    expect(page.get_by_role("main")).to_contain_text("minute")
    look_from_all_sides(page, check, "error-429")


def test_fault_of_the_service_is_500_with_the_id_of_the_request(
    visit_at: VisitAt, broken_gateway: Gateway, check: Check
) -> None:
    [member] = make_members(broken_gateway, 1)
    visit = visit_at(broken_gateway)
    visit.expect("status of 500")
    page = visit("/account", member=member)
    with sqlite3.connect(broken_gateway.database_url.removeprefix("sqlite:///")) as database:
        database.execute("UPDATE accounts SET created_at = 'no time at all' WHERE email = ?", [member.email])
    answer = page.reload()
    assert answer is not None
    assert answer.status == 500
    expect_error(page, 500)
    expect(page.locator("#request-id")).to_have_text(answer.headers["x-request-id"])
    look_from_all_sides(page, check, "error-500")


def test_lost_database_is_503_and_the_page_stands_without_it(
    visit_at: VisitAt, broken_gateway: Gateway, check: Check
) -> None:
    [member] = make_members(broken_gateway, 1)
    visit = visit_at(broken_gateway)
    visit.expect("status of 503")
    page = visit("/docs", member=member)
    with sqlite3.connect(broken_gateway.database_url.removeprefix("sqlite:///")) as database:
        database.execute("ALTER TABLE accounts RENAME TO accounts_elsewhere")
    answer = page.reload()
    assert answer is not None
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    expect_error(page, 503)
    look_from_all_sides(page, check, "error-503")
    with sqlite3.connect(broken_gateway.database_url.removeprefix("sqlite:///")) as database:
        database.execute("ALTER TABLE accounts_elsewhere RENAME TO accounts")
    with page.expect_navigation():
        page.get_by_role("main").get_by_role("link", name="Try again").click()
    expect(page.locator("#try")).to_be_visible()


def fill_in_sign_in(page: Page, email: str, password: str = "a wrong password") -> None:
    """Send the sign-in form that ``page`` shows and wait for the answer."""
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    with page.expect_navigation():
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
