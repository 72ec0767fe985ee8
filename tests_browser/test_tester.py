"""The live tester of the documentation page, in front of the real API: what members send, see and stop."""

from __future__ import annotations

import json
import re

import pytest
import requests
from playwright.sync_api import expect

from tests.harness.gateway import Gateway
from tests_browser.checks import Check
from tests_browser.people import Member
from tests_browser.tester import choose, ended, fact, open_tester, send, write_json
from tests_browser.visits import Visits


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("route", ["chat/completions", "responses", "completions"])
def test_prompt_is_answered_with_its_figures(visit: Visits, member: Member, route: str, stream: bool) -> None:
    page = open_tester(visit, member)
    send(page, "[[reply Good morning]]", route=route, stream=stream)
    ended(page)
    expect(page.locator("#try-readable")).to_have_text("Good morning")
    expect(fact(page, "Status")).to_have_text("200 OK")
    expect(fact(page, "Model")).to_have_text("smart-route-mini")
    expect(fact(page, "Tokens")).to_have_text(re.compile(r"\d+ in.*, 2 out"))
    expect(fact(page, "Duration")).to_have_text(re.compile(r"\d+ ms"))
    expect(fact(page, "Quota")).to_contain_text("counted 1 prompt: today 200 → 199 left, this month 1,000 → 999 left")
    expect(fact(page, "Request id")).to_contain_text("req_")
    page.get_by_text(re.compile(r"\d+ response headers")).click()
    expect(page.locator("#try-headers")).to_contain_text("x-smartroute-day-remaining")


def test_text_appears_while_the_stream_runs(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    send(page, "[[tokens 20]] [[pace 100]]")
    expect(page.locator("#try-readable")).to_contain_text("w3")
    assert page.locator("#try-stop").is_enabled()
    assert "w20" not in page.locator("#try-readable").inner_text()
    expect(page.locator("#try-readable")).to_contain_text("w20")


def test_reasoning_refusal_and_calls_stand_apart(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    send(page, "[[reasoning I weigh it]] [[refusal I would rather not]]")
    ended(page)
    expect(page.locator(".reasoning .tester-text")).to_have_text("I weigh it")
    expect(page.locator(".refusal .tester-text")).to_have_text("I would rather not")


def test_raw_view_tells_name_time_and_size_of_each_event(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    send(page, "[[reply Good morning]]", route="responses")
    ended(page)
    choose(page, "Raw")
    rows = page.locator("#try-raw-events li")
    expect(rows.first).to_contain_text(re.compile(r"\d+ ms\s*response\.created\s*\d[\d,]* B"))
    expect(rows.nth(-2)).to_contain_text("response.completed")
    expect(rows.last).to_contain_text("[DONE]")
    expect(page.locator("#try-raw-events > p").last).to_contain_text(f"{rows.count()} events")


def test_list_of_models_tells_which_the_plan_may_use_and_counts_nothing(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    page.get_by_label("Endpoint", exact=True).select_option("models")
    page.get_by_role("button", name="Send", exact=True).click()
    ended(page)
    expect(page.locator(".tester-models tbody tr")).to_have_count(7)
    expect(page.locator(".tester-models tbody tr").first).to_contain_text("may use it")
    expect(page.locator(".tester-models tbody tr").last).to_contain_text("from unlimited")
    expect(fact(page, "Quota")).to_contain_text("counted nothing")


def test_hostile_text_is_shown_as_text(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    title = page.title()
    send(page, f'[[say {json.dumps(hostile)}]] [[reasoning <b>bold</b>]] [[tool look {{"at": "<i>it</i>"}}]]')
    ended(page)
    expect(page.locator("#try-readable")).to_contain_text(hostile)
    assert page.locator("#try-answer").locator("img, script, b, i").count() == 0
    choose(page, "Raw")
    assert page.locator("#try-raw-events").locator("img, script, b, i").count() == 0
    assert page.title() == title


def test_twenty_thousand_events_leave_the_page_alive(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    page.evaluate("""() => {
        globalThis.longest = 0;
        let last = performance.now();
        const tick = () => {
            const now = performance.now();
            globalThis.longest = Math.max(globalThis.longest, now - last);
            last = now;
            setTimeout(tick, 10);
        };
        tick();
    }""")
    send(page, "[[tokens 20000]]")
    expect(page.locator("#try-stop")).to_be_disabled(timeout=60_000)
    expect(page.locator("#try-readable")).to_contain_text("w20000")
    choose(page, "Raw")
    expect(page.locator("#try-raw-events")).to_contain_text(re.compile(r"19,\d{3} events left out here"))
    assert page.locator("#try-raw-events li").count() < 500
    expect(page.locator("#try-raw-events li").last).to_contain_text("[DONE]")
    assert page.evaluate("globalThis.longest") < 1000, "the page stood still"


def test_stop_ends_the_stream_and_says_what_counts(visit: Visits, member: Member, gateway: Gateway) -> None:
    page = open_tester(visit, member)
    visit.expect("ERR_ABORTED")
    send(page, "[[endless deltas]] [[pace 30]]")
    expect(page.locator("#try-readable .tester-text")).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#try-status")).to_have_text("Stopped after output had begun: counted 1 prompt.")
    ended(page)
    expect(fact(page, "Tokens")).to_have_text("not told: it was stopped before its end")
    expect(fact(page, "Quota")).to_contain_text("counted 1 prompt")
    expect(page.locator("#try-history tbody tr")).to_contain_text("stopped")


def test_stop_before_any_output_counts_nothing(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    visit.expect("ERR_ABORTED")
    send(page, "[[delay 30]]")
    expect(page.locator("#try-status")).to_have_text("Waiting for the first output")
    page.keyboard.press("Escape")
    expect(page.locator("#try-status")).to_have_text("Stopped before any output: not counted.")
    ended(page)
    expect(fact(page, "Quota")).to_contain_text("counted nothing")


def test_stop_of_a_continuation_says_that_it_is_not_counted(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    visit.expect("ERR_ABORTED")
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    asked = {"model": "smart-route-mini", "messages": [{"role": "user", "content": "[[tool look]]"}], "tools": [tool]}
    headers = {"Authorization": f"Bearer {member.token}"}
    answer = requests.post(f"{visit.url}/v1/chat/completions", json=asked, headers=headers, timeout=10).json()
    said = answer["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": said["tool_calls"][0]["id"], "content": "[[endless deltas]] [[pace 30]]"}
    endless = {"role": "user", "content": "[[tool look]] [[then]] [[endless deltas]] [[pace 30]]"}
    body = {**asked, "messages": [endless, said, result], "stream": True}
    write_json(page, json.dumps(body))
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#try-readable .tester-text")).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#try-status")).to_have_text("Stopped after output had begun: a continuation, not counted.")


def test_alias_above_the_plan_is_told_beside_the_one_that_served(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    write_json(page, '{"model": "smart-route-ultra", "messages": [{"role": "user", "content": "Hello"}]}')
    page.get_by_role("button", name="Send", exact=True).click()
    ended(page)
    expect(fact(page, "Model")).to_have_text("asked smart-route-ultra, served smart-route-mini (above your plan)")


def test_stop_floats_where_its_place_is_out_of_sight(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member, width=360)
    visit.expect("ERR_ABORTED")
    send(page, "[[endless deltas]] [[pace 50]]")
    page.locator("#errors").scroll_into_view_if_needed()
    expect(page.locator("#try-stop")).to_be_in_viewport()
    page.locator("#try-stop").click()
    ended(page)
    expect(page.locator("#try-stop")).not_to_be_in_viewport()


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("route", ["chat/completions", "responses"])
def test_tool_call_is_played_through_and_its_continuation_counts_nothing(
    visit: Visits, member: Member, route: str, stream: bool
) -> None:
    page = open_tester(visit, member)
    page.get_by_label("Endpoint", exact=True).select_option(route)
    page.get_by_label("Stream the answer").set_checked(stream)
    page.get_by_role("button", name="Show a tool call").click()
    expect(page.locator(".tester-call")).to_contain_text("get_time")
    expect(page.locator(".tester-call")).to_contain_text('"time_zone":')
    ended(page)
    expect(fact(page, "Quota")).to_contain_text("counted 1 prompt")
    page.get_by_role("button", name="Return the result").click()
    expect(page.get_by_text("This continuation counted nothing.")).to_be_visible()
    expect(page.locator("#try-readable")).to_contain_text("The tools answered")
    expect(fact(page, "Quota")).to_contain_text("today 199 → 199 left")
    expect(page.locator("#try-history tbody tr")).to_have_count(2)


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light"), (1600, "dark")])
def test_tester_at_work_passes_axe_and_stays_inside_its_window(
    visit: Visits, member: Member, check: Check, width: int, scheme: str
) -> None:
    page = open_tester(visit, member, width=width, scheme=scheme)
    visit.expect("status of 400")
    send(page, "[[reasoning I think]] [[tokens 80]]")
    ended(page)
    send(page, "[[status 400]] [[body context]]")
    ended(page)
    page.get_by_role("button", name="Show a tool call").click()
    expect(page.get_by_role("button", name="Return the result")).to_be_visible()
    ended(page)
    write_json(page, '{\n  "model": "smart-route-mini",\n  "messages": [}\n}')
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#try-earlier")).to_be_visible()
    page.get_by_text("This request as code").click()
    page.get_by_text(re.compile(r"\d+ response headers")).click()
    check(page, "tester-at-work")
