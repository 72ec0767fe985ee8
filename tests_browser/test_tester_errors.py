"""What the tester says when something goes wrong, at the service, on the way, or with the token."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from tests.harness.gateway import Gateway
from tests_browser.conftest import VisitAt
from tests_browser.people import Member, ask, make_members
from tests_browser.tester import ended, fact, open_tester, send, write_json
from tests_browser.visits import Visits


def test_error_tells_what_to_do_and_leads_to_its_row(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    visit.expect("status of 404")
    write_json(page, '{"model": "gpt-9", "messages": [{"role": "user", "content": "Hello"}]}')
    page.get_by_role("button", name="Send", exact=True).click()
    box = page.locator("#try-trouble")
    expect(box).to_contain_text("404 model_not_found")
    expect(box).to_contain_text("Your plan may use: smart-route-mini")
    expect(box).to_contain_text("What to do")
    ended(page)
    expect(fact(page, "Quota")).to_contain_text("counted nothing")
    box.get_by_role("link").click()
    assert page.url.endswith("#error-model_not_found")
    expect(page.locator("#error-model_not_found")).to_be_in_viewport()


def test_used_up_quota_tells_when_it_resets(visit_at: VisitAt, small_gateway: Gateway) -> None:
    [member] = make_members(small_gateway, 1)
    for _ in range(2):
        assert ask(small_gateway, member.token).status_code == 200
    visit = visit_at(small_gateway)
    visit.expect("status of 429")
    page = open_tester(visit, member)
    send(page, "One more")
    expect(page.locator("#try-trouble")).to_contain_text("429 insufficient_quota")
    expect(page.locator("#try-trouble")).to_contain_text(re.compile(r"It resets \w+ \d+ \w+.* UTC, in \d+"))


def test_token_that_another_tab_replaced_is_fetched_anew(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    send(page, "[[reply First]]")
    ended(page)
    other = page.context.new_page()
    other.goto("/docs?confirm=regenerate")
    other.get_by_role("button", name="Replace the token now").click()
    visit.expect("status of 401")
    send(page, "[[reply Second]]")
    expect(page.locator("#try-readable")).to_have_text("Second")
    expect(fact(page, "Status")).to_have_text("200 OK")


def test_member_who_signed_out_in_another_tab_is_told(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    other = page.context.new_page()
    other.goto("/docs")
    other.get_by_role("button", name="Sign out").click()
    other.wait_for_load_state()
    visit.expect("status of 4|sign-in|ERR_ABORTED")
    send(page, "Hello")
    expect(page.locator("#try-trouble")).to_contain_text("Reload it and sign in again")


def test_revoked_token_is_told_with_the_way_to_a_new_one(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    other = page.context.new_page()
    other.goto("/docs?confirm=revoke")
    other.get_by_role("button", name="Revoke the token now").click()
    send(page, "Hello")
    expect(page.locator("#try-trouble")).to_contain_text("Your token is revoked")
    expect(page.locator("#try-trouble").get_by_role("link")).to_have_attribute("href", "/docs#token")


def test_service_out_of_reach_is_told(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    send(page, "[[reply First]]")
    ended(page)
    visit.expect("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    send(page, "[[reply Second]]")
    expect(page.locator("#try-trouble")).to_contain_text("The service was not reached")
    expect(page.locator("#try-trouble")).to_contain_text("This browser is offline")
    page.context.set_offline(False)
    send(page, "[[reply Third]]")
    expect(page.locator("#try-readable")).to_have_text("Third")


def test_broken_stream_keeps_what_came(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    send(page, "[[reply One two three four]] [[drop 4]]")
    expect(page.locator("#try-trouble")).to_contain_text("upstream_incomplete")
    expect(page.locator("#try-readable")).to_contain_text("One")


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("text/html", "<h1>Bad gateway</h1>", "502: the answer is no JSON"),
        ("text/event-stream", 'data: {"choices":[{"index":0,"delta":{"content":"Half"}}]}\n\n', "The stream was cut"),
        ("text/event-stream", "data: {broken\n\ndata: [DONE]\n\n", "1 event could not be read"),
    ],
    ids=["html", "cut", "broken event"],
)
def test_answer_that_something_on_the_way_spoilt_is_told(
    visit: Visits, member: Member, kind: str, body: str, said: str
) -> None:
    """A proxy between browser and service is played by the browser's own interception."""
    page = open_tester(visit, member)
    status = 502 if kind == "text/html" else 200
    if status == 502:
        visit.expect("status of 502")

    def spoil(route: Route) -> None:
        route.fulfill(status=status, body=body, headers={"Content-Type": kind})

    page.route("**/v1/chat/completions", spoil)
    send(page, "Hello")
    expect(page.locator("#try-trouble")).to_contain_text(said)
    assert page.locator("#try-answer h1").count() == 0
