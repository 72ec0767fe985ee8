"""The tester's history, keyboard and voice; what guests and readers without script see of it."""

from __future__ import annotations

import json
import re
import shlex

import requests
from playwright.sync_api import expect

from tests.harness.gateway import Gateway
from tests_browser.people import Member
from tests_browser.tester import ended, open_tester, send
from tests_browser.visits import Visits


def test_history_shows_again_what_was_sent_in_this_visit(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    send(page, "[[reply First]]")
    ended(page)
    send(page, "[[reply Second]]", route="responses", stream=False)
    ended(page)
    rows = page.locator("#try-history tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text(re.compile(r"POST responses\s*smart-route-mini\s*200\s*\d+ ms\s*\d+"))
    rows.nth(1).get_by_role("button").click()
    expect(page.locator("#try-readable")).to_have_text("First")
    expect(rows.nth(1).get_by_role("button")).to_be_focused()
    page.get_by_role("button", name="Use this request again").click()
    body = json.loads(page.get_by_label("Body, as JSON").input_value())
    assert body["messages"][0]["content"] == "[[reply First]]"
    page.reload()
    expect(page.get_by_text("What you send is listed here")).to_be_visible()
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert "First" not in kept
    assert "sr_" not in kept


def test_everything_is_reached_by_keyboard(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    page.get_by_label("Endpoint", exact=True).focus()
    reached = []
    for _ in range(7):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.value"))
    assert reached == ["simple", "try-prompt", "try-model", "try-effort", "try-stream", "try-send", "try-tool"]
    page.locator("#try-prompt").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("[[reply By hand]]")
    page.keyboard.press("Control+Enter")
    ended(page)
    expect(page.locator("#try-readable")).to_have_text("By hand")
    expect(page.locator("#try-prompt")).to_be_focused()


def test_second_press_while_one_is_under_way_sends_nothing(visit: Visits, member: Member, gateway: Gateway) -> None:
    page = open_tester(visit, member)
    send(page, "[[tokens 5]] [[pace 100]]")
    page.get_by_role("button", name="Send", exact=True).click(force=True)
    page.keyboard.press("Control+Enter")
    ended(page)
    headers = {"Authorization": f"Bearer {member.token}"}
    assert requests.get(f"{gateway.api}/usage", headers=headers, timeout=10).json()["day"]["used"] == 1


def test_screen_reader_is_told_turns_not_every_word(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    page.evaluate("""() => {
        globalThis.told = [];
        new MutationObserver(() => told.push(document.querySelector("#try-status").textContent))
            .observe(document.querySelector("#try-status"), { childList: true, characterData: true, subtree: true });
    }""")
    send(page, "[[tokens 60]] [[pace 10]]")
    ended(page)
    told = [text for text in page.evaluate("told") if text]
    assert told[-1].startswith("Done in ")
    assert len(told) <= 3
    assert page.locator("#try-readable").get_attribute("aria-live") is None


def test_guest_sees_an_example_and_comes_back_after_signing_in(visit: Visits, member: Member) -> None:
    page = visit("/docs")
    page.get_by_role("link", name="Sign in to test").click()
    page.get_by_label("E-mail address").fill(member.email)
    page.get_by_label("Password", exact=True).fill(member.password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/docs#try")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_enabled()


def test_prompt_is_a_few_stops_from_the_token(visit: Visits, member: Member) -> None:
    page = visit("/docs", member=member)
    page.get_by_role("button", name="Copy token", exact=True).focus()
    reached: list[str] = []
    while "try-prompt" not in reached:
        assert len(reached) < 10, reached
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('href')") == "#try":
            page.keyboard.press("Enter")
            page.wait_for_url("**/docs#try")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent"))


def test_reader_without_script_gets_the_request_of_the_form_and_nothing_that_needs_script(
    visit: Visits, member: Member, gateway: Gateway
) -> None:
    open_page = open_tester(visit, member)
    open_page.get_by_text("This request as code").click()
    expect(open_page.locator("#try-curl-lines")).to_contain_text("curl")
    written = open_page.locator("#try-curl-lines").text_content() or ""
    page = visit("/docs", member=member, script=False)
    expect(page.locator("#try")).to_contain_text("needs JavaScript")
    for text in ("This visit", "copy buttons copy", "Stop"):
        expect(page.get_by_text(text).first).to_be_hidden()
    page.locator("#token").get_by_role("button", name="Show token").click()
    shown = page.locator("#try-without-script").text_content() or ""
    assert member.token in shown
    given, wanted = (shlex.split(each.replace("\\\n", " ")) for each in (shown, written))
    assert json.loads(given[-1]) == json.loads(wanted[-1])
    assert f"{gateway.url}/api/smart-routing-ai-model/v1/chat/completions" in given
    assert given[1] == wanted[1] == "-sSN"
