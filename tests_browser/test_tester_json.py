"""The tester's JSON: faults told at their place, and nothing lost on the ways to the form and back."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from tests_browser.people import Member
from tests_browser.tester import choose, ended, open_tester, write_json
from tests_browser.visits import Visits

FAULTS = [
    ('{\n  "model": "a"\n  "stream": true}', 3, 3, "a comma or } is missing here"),
    ('{"model": "a",}', 1, 14, "a comma too many in front of }"),
    ("{'model': 1}", 1, 2, "a name in double quotes is expected here"),
    ("{\"model\": 'a'}", 1, 11, "straight double quotes"),
    ('{"stream": True}', 1, 12, "small letters"),
    ('{"model": "a\n"}', 1, 13, "a line ends inside a string"),
    ('{"model": "a', 1, 11, "this string is not closed"),
    ('{"model": "\\x"}', 1, 12, "no escape of JSON"),
    ('{"n": 01}', 1, 7, "a number does not begin with 0"),
    ('{"n": 1} 2', 1, 10, "something follows after the end"),
    ('{"n": [1, 2', 1, 12, "the [ of line 1 is not closed"),
    ('{"n": 1, // one\n}', 1, 10, "JSON has no comments"),
    ("[1]", 1, 1, "one JSON object"),
    ("", 1, 1, "empty"),
]


def test_fault_in_the_json_is_told_at_its_place(visit: Visits, reader: Member) -> None:
    page = open_tester(visit, reader)
    for text, line, column, said in FAULTS:
        write_json(page, text)
        where = page.locator("#try-json-where")
        expect(where).to_contain_text(f"Line {line}, column {column}: ")
        expect(where).to_contain_text(said)
        source, caret = (page.locator("#try-json-excerpt").text_content() or "").split("\n")
        assert source == text.split("\n")[line - 1][:60]
        assert caret.index("^") == column - 1
        expect(page.get_by_label("Body, as JSON")).to_have_attribute("aria-invalid", "true")


def test_json_with_a_fault_is_not_sent_and_the_cursor_goes_to_it(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    write_json(page, '{"model": }')
    expect(page.locator(".tester-marker mark")).to_have_text("}")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#try-status")).to_contain_text("Not sent: the JSON has a fault in line 1, column 11")
    box = page.get_by_label("Body, as JSON")
    expect(box).to_be_focused()
    assert box.evaluate("each => each.selectionStart") == 10
    page.keyboard.type('"smart-route-mini", "messages": [{"role": "user", "content": "[[reply Mended]]"}]}')
    expect(page.locator("#try-json-fault")).to_be_hidden()
    page.keyboard.press("Control+Enter")
    ended(page)
    expect(page.locator("#try-readable")).to_have_text("Mended")


def test_json_begins_with_what_the_form_held_and_follows_the_endpoint(visit: Visits, reader: Member) -> None:
    page = open_tester(visit, reader)
    page.get_by_label("Prompt", exact=True).nth(1).fill("Good morning")
    page.get_by_label("Reasoning", exact=True).select_option("low")
    page.get_by_label("Stream the answer").uncheck()
    choose(page, "JSON")
    box = page.get_by_label("Body, as JSON")
    assert json.loads(box.input_value()) == {
        "model": "smart-route-mini",
        "messages": [{"role": "user", "content": "Good morning"}],
        "reasoning_effort": "low",
    }
    page.get_by_label("Endpoint", exact=True).select_option("responses")
    assert json.loads(box.input_value()) == {
        "model": "smart-route-mini",
        "input": "Good morning",
        "store": False,
        "reasoning": {"effort": "low"},
    }


def test_way_back_to_the_form_names_what_would_be_lost(visit: Visits, reader: Member) -> None:
    page = open_tester(visit, reader)
    body = {"model": "smart-route-mini", "messages": [{"role": "user", "content": "Kept"}], "temperature": 1, "n": 2}
    write_json(page, json.dumps(body))
    choose(page, "Prompt")
    expect(page.locator("#try-leave")).to_contain_text("The form has no place for temperature, n.")
    page.get_by_role("button", name="Keep the JSON").click()
    assert json.loads(page.get_by_label("Body, as JSON").input_value()) == body
    choose(page, "Prompt")
    page.get_by_role("button", name="Use the form without it").click()
    expect(page.get_by_label("Prompt", exact=True).nth(1)).to_have_value("Kept")
    expect(page.get_by_label("Stream the answer")).not_to_be_checked()


def test_edited_json_is_kept_when_the_endpoint_changes(visit: Visits, reader: Member) -> None:
    page = open_tester(visit, reader)
    write_json(page, '{"messages": [], "mine": true}')
    page.get_by_label("Endpoint", exact=True).select_option("responses")
    expect(page.get_by_text("This JSON was written for another endpoint")).to_be_visible()
    expect(page.get_by_label("Body, as JSON")).to_have_value('{"messages": [], "mine": true}')
    page.get_by_role("button", name="Write it anew from the form").click()
    assert "input" in json.loads(page.get_by_label("Body, as JSON").input_value())


def test_way_back_to_the_form_names_the_values_that_it_does_not_offer(visit: Visits, reader: Member) -> None:
    page = open_tester(visit, reader)
    body = {
        "model": "smart-route-ultra",
        "messages": [{"role": "user", "content": "Kept"}],
        "reasoning_effort": "boundless",
        "n": 2,
    }
    write_json(page, json.dumps(body))
    choose(page, "Prompt")
    expect(page.locator("#try-leave")).to_contain_text(
        "The form has no place for n. The form does not offer the model smart-route-ultra or the reasoning boundless."
    )
    page.get_by_role("button", name="Use the form without it").click()
    expect(page.get_by_label("Model", exact=True)).to_have_value("smart-route-mini")


def test_answer_of_an_earlier_request_is_told_as_such_when_nothing_was_sent(visit: Visits, member: Member) -> None:
    page = open_tester(visit, member)
    write_json(page, '{"messages": [{"role": "user", "content": "[[reply First]]"}]}')
    page.get_by_role("button", name="Send", exact=True).click()
    ended(page)
    earlier = page.locator("#try-earlier")
    expect(earlier).to_be_hidden()
    page.get_by_label("Body, as JSON").fill('{"messages": }')
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#try-status")).to_contain_text("Not sent")
    expect(earlier).to_contain_text("Below stands the earlier answer: POST chat/completions, sent ")
    page.get_by_label("Body, as JSON").fill('{"messages": [{"role": "user", "content": "[[reply Second]]"}]}')
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#try-readable")).to_have_text("Second")
    expect(earlier).to_be_hidden()
