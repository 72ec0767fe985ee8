"""Invites and what asks for mail, in a browser: how the pages look, and the way from an invite to the documentation."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.accounts.mail_server import Post, mail_server
from tests.accounts.mailing import SMTP
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes
from tests_browser.checks import Check
from tests_browser.conftest import VisitAt
from tests_browser.pages_to_look_at import DESK, PHONE
from tests_browser.people import PASSWORD, Member
from tests_browser.visits import Visits


@pytest.fixture(scope="module")
def post() -> Iterator[Post]:
    """The mail server of these tests."""
    with mail_server() as post:
        yield post


@pytest.fixture(scope="module")
def house(processes: Processes, post: Post) -> Iterator[Gateway]:
    """A gateway that sends mail."""
    database = processes.new_folder("database") / "smartroute.db"
    config = SMTP.format(port=post.port, timeout=5)
    with Gateway(processes, database_url=f"sqlite:///{database}", config=config) as gateway:
        yield gateway


@pytest.fixture
def visit_house(visit_at: VisitAt, house: Gateway) -> Visits:
    """Opens pages of it."""
    return visit_at(house)


@pytest.fixture(scope="module")
def operator(house: Gateway) -> Member:
    """Its operator."""
    done = house.flask("accounts", "create", "operator@example.org", "--password", PASSWORD, "--admin", "--json")
    assert done.returncode == 0, done.stderr
    return Member("operator@example.org", json.loads(done.stdout)["token"])


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (DESK, "light")])
def test_pages_look_right(
    visit_house: Visits, check: Check, operator: Member, post: Post, width: int, scheme: str
) -> None:
    post.refuse_recipient = None
    email = f"somebody-with-a-long-name-{secrets.token_hex(4)}@department.example.org"
    page = visit_house("/admin/invites", member=operator, width=width, scheme=scheme)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Make invite").click()
    expect(page.get_by_role("heading", name="The invite is made")).to_be_visible()
    check(page, "admin-invites")
    invite = post.next_mail().link("invite")

    guest = visit_house(invite, width=width, scheme=scheme)
    check(guest, "invite")
    guest.goto("/sign-up")
    check(guest, "sign-up-mail")
    guest.get_by_label("E-mail address").fill(f"other-{email}")
    guest.get_by_label("Password").fill(PASSWORD)
    guest.get_by_role("main").get_by_role("button", name="Create account").click()
    expect(guest.get_by_role("heading", name="Open the mail to go on")).to_be_visible()
    check(guest, "sign-up-sent")
    confirm = post.next_mail().link("confirm")
    guest.goto(confirm)
    check(guest, "confirm")
    check(visit_house(confirm, width=width, scheme=scheme), "confirm-elsewhere")
    check(visit_house("/forgot-password", width=width, scheme=scheme), "forgot-password-mail")
    check(visit_house("/forgot-password/sent", width=width, scheme=scheme), "forgot-password-sent")
    visit_house.expect(r"410")
    check(visit_house("/invite/x", status=410, width=width, scheme=scheme), "invite-refused")
    check(visit_house("/confirm/x", status=410, width=width, scheme=scheme), "confirm-refused")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without"])
def test_invite_leads_to_the_documentation(visit_house: Visits, operator: Member, post: Post, script: bool) -> None:
    page = visit_house("/admin/invites", member=operator, script=script)
    page.get_by_label("Plan").select_option("plus")
    page.get_by_role("button", name="Make invite").click()
    link = page.locator("#invite-link").inner_text()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/invite/[\w-]+", link)
    page.reload()
    expect(page.locator("#invite-link")).to_have_count(0)

    email = f"guest-{secrets.token_hex(4)}@example.org"
    guest = visit_house(link[len(visit_house.url) :], script=script)
    guest.get_by_label("E-mail address").fill(email)
    guest.get_by_label("Password").fill(PASSWORD)
    guest.get_by_role("main").get_by_role("button", name="Create account").click()
    guest.wait_for_url("**/sign-up/sent")
    guest.goto(post.next_mail().link("confirm"))
    guest.get_by_role("button", name="Confirm and sign in").click()
    guest.wait_for_url("**/docs")
    expect(guest.get_by_role("main")).to_contain_text("Your address is confirmed")


def test_mail_that_failed_is_shown_to_the_operator(
    visit_house: Visits, check: Check, operator: Member, post: Post
) -> None:
    post.refuse_recipient = "550 5.1.1 no such mailbox here"
    guest = visit_house("/sign-up", width=PHONE)
    guest.get_by_label("E-mail address").fill(f"lost-{secrets.token_hex(4)}@example.org")
    guest.get_by_label("Password").fill(PASSWORD)
    guest.get_by_role("main").get_by_role("button", name="Create account").click()
    expect(guest.get_by_role("heading", name="Open the mail to go on")).to_be_visible()
    fault = guest.get_by_text("could not be sent so far")
    for _ in range(20):
        if fault.count():
            break
        guest.wait_for_timeout(200)
        guest.goto("/sign-up/sent")
    expect(fault).to_be_visible()
    check(guest, "sign-up-sent-in-trouble")
    for width, scheme in ((PHONE, "light"), (DESK, "dark")):
        page = visit_house("/admin", member=operator, width=width, scheme=scheme)
        check(page, "admin-mail-in-trouble")
        page.get_by_role("link", name="See why").click()
        expect(page.get_by_text("no such mailbox here").first).to_be_visible()
        check(page, "admin-invites-in-trouble")
    post.refuse_recipient = None
