"""Several upstreams behind one alias, from outside: who answers, what the client sees, what the operator reads."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.api.client import error_of
from tests.harness.processes import wait_until
from tests.routing.conftest import Member

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 40_000}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
JSON = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
LONG = "word " * 2000  # some 2,500 tokens


def ask(member: Member, alias: str, content: Any = "hello", **fields: Any) -> requests.Response:
    body = {"model": alias, "messages": [{"role": "user", "content": content}], **fields}
    return member.session.post(f"{member.url}/chat/completions", json=body, timeout=15)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("content", "fields", "model"),
    [
        ("hello", {}, "narrow"),
        ("hello", {"tools": [TOOL]}, "no-json"),
        ("hello", {"tools": [TOOL], "response_format": JSON}, "wide"),
        (LONG, {}, "no-json"),
        ([{"type": "text", "text": "hello"}, IMAGE], {}, "no-json"),
        ([{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}], {}, "wide"),
    ],
    ids=["plain", "tools", "json", "long", "image", "audio"],
)
def test_request_goes_at_once_to_the_first_route_that_can_take_it(
    member: Member, content: Any, fields: dict[str, Any], model: str, stream: bool
) -> None:
    http_response = ask(member, "able", content, stream=stream, **fields)
    assert http_response.status_code == 200, http_response.text
    row = member.closed_row(http_response.headers["x-request-id"])
    assert (row["upstream_model"], row["attempts"]) == (model, 1)


@pytest.mark.parametrize("endpoint", ["chat/completions", "responses", "completions"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_prompt_too_long_for_every_route_is_refused_as_agents_understand_it(
    member: Member, endpoint: str, stream: bool
) -> None:
    told: Any = {
        "chat/completions": {"messages": [{"role": "user", "content": LONG * 2}]},
        "responses": {"input": LONG * 2, "store": False},
        "completions": {"prompt": LONG * 2},
    }[endpoint]
    body = {"model": "plain-only", "stream": stream, **told}
    http_response = member.session.post(f"{member.url}/{endpoint}", json=body, timeout=15)
    error = error_of(http_response)
    assert (http_response.status_code, error["code"]) == (400, "context_length_exceeded")
    assert "maximum context length is 2000 tokens" in error["message"]
    row = member.closed_row(http_response.headers["x-request-id"])
    assert (row["status"], row["counted"], row["attempts"], row["upstream"]) == ("failed", 0, 0, None)


@pytest.mark.parametrize(
    ("content", "fields", "code", "param"),
    [
        ([IMAGE], {}, "unsupported_value", "messages"),
        ("hello", {"tools": [TOOL]}, "unsupported_value", "tools"),
        ("hello", {"response_format": JSON}, "unsupported_value", "response_format"),
    ],
    ids=["image", "tools", "json"],
)
def test_request_that_no_route_can_take_is_told_what_the_alias_takes(
    member: Member, content: Any, fields: dict[str, Any], code: str, param: str
) -> None:
    http_response = ask(member, "plain-only", content, **fields)
    error = error_of(http_response)
    assert (http_response.status_code, error["code"], error["param"]) == (400, code, param)
    assert "It takes: text; no tools; no structured output; up to 2000 tokens." in error["message"]
    assert member.closed_row(http_response.headers["x-request-id"])["counted"] == 0
    assert [why for _, why in member.receipt(http_response)["passed_over"]] == 2 * [
        {"messages": "modality", "tools": "tools", "response_format": "structured_output"}[param]
    ]


def test_route_that_keeps_failing_is_left_out_and_comes_back_after_one_trial(member: Member) -> None:
    for number in range(5):
        assert member.model_of(ask(member, "returning", f"{number} [[only first]] [[status 500]]")) == "second"
    left_out = ask(member, "returning", "hello")
    assert member.model_of(left_out) == "second"
    receipt = member.receipt(left_out)
    assert (receipt["passed_over"], len(receipt["attempts"])) == ([["east/first", "breaker_open"]], 1)

    time.sleep(5)
    with ThreadPoolExecutor(8) as pool:
        words = [f"{number} [[only first]] [[delay 0.7]] [[reply back]]" for number in range(8)]
        answers = list(pool.map(lambda said: ask(member, "returning", said), words))
    assert sorted(member.model_of(answer) for answer in answers) == ["first", *["second"] * 7]
    assert member.model_of(ask(member, "returning", "once more")) == "first"


def test_only_route_is_tried_however_often_it_failed(member: Member) -> None:
    for _ in range(7):
        refused = ask(member, "single", "[[status 500]]")
        assert (refused.status_code, error_of(refused)["code"]) == (502, "upstream_error")
    assert member.receipt(refused)["passed_over"] == [["east/single-one", "breaker_open"]]
    assert ask(member, "single").status_code == 200


def test_when_every_route_is_left_out_one_of_them_is_tried(member: Member) -> None:
    for _ in range(5):
        assert ask(member, "both-down", "[[status 500]]").status_code == 502
    refused = ask(member, "both-down", "[[status 500]]")
    assert refused.status_code == 502
    receipt = member.receipt(refused)
    assert [why for _, why in receipt["passed_over"]] == ["breaker_open", "breaker_open"]
    assert len(receipt["attempts"]) == 1


def test_failing_route_costs_the_others_no_more_than_the_first_few_requests(member: Member) -> None:
    words = "[[only breaking-one]] [[status 503]]"
    told = [ask(member, "breaking", words) for _ in range(12)]
    assert {answer.status_code for answer in told} == {200}
    attempts = [member.closed_row(answer.headers["x-request-id"])["attempts"] for answer in told]
    assert attempts == [2] * 5 + [1] * 7


def test_route_that_asks_for_a_pause_gets_it(member: Member) -> None:
    words = "[[only busy-one]] [[status 429]] [[retry-after 2]]"
    assert member.model_of(ask(member, "busy", words)) == "busy-two"
    paused = ask(member, "busy", "hello")
    assert (member.model_of(paused), member.receipt(paused)["passed_over"]) == (
        "busy-two",
        [["east/busy-one", "rate_limited"]],
    )
    wait_until("the pause ends", lambda: member.model_of(ask(member, "busy", "hello")) == "busy-one", timeout_s=10)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_errors_of_the_client_itself_never_leave_a_route_out(member: Member, status: int) -> None:
    for _ in range(8):
        assert ask(member, "own-faults", f"[[status {status}]]").status_code in (400, 413, 422)
    assert ask(member, "own-faults").status_code == 200


def test_distinct_conversations_share_by_weight_and_each_stays_on_its_route(member: Member) -> None:
    first: Counter[str] = Counter()

    def converse(number: int) -> list[str]:
        opening = {"role": "user", "content": f"conversation {number}"}
        turn_one = member.session.post(
            f"{member.url}/chat/completions", json={"model": "weighted", "messages": [opening]}, timeout=15
        )
        told = [opening, turn_one.json()["choices"][0]["message"], {"role": "user", "content": "and then?"}]
        turn_two = member.session.post(
            f"{member.url}/chat/completions", json={"model": "weighted", "messages": told}, timeout=15
        )
        return [member.model_of(turn_one), member.model_of(turn_two)]

    with ThreadPoolExecutor(8) as pool:
        for one, two in pool.map(converse, range(80)):
            assert one == two
            first[one] += 1
    assert 45 <= first["w3"] <= 73


def test_response_goes_on_where_the_one_before_was_answered(member: Member) -> None:
    for number in range(6):
        body: dict[str, Any] = {"model": "weighted", "input": f"thread {number}"}
        first = member.session.post(f"{member.url}/responses", json=body, timeout=15)
        body = {"model": "weighted", "input": "and then?", "previous_response_id": first.json()["id"]}
        second = member.session.post(f"{member.url}/responses", json=body, timeout=15)
        assert member.model_of(first) == member.model_of(second)


def test_conversation_with_a_cache_key_stays_after_a_failover(member: Member) -> None:
    key = {"prompt_cache_key": "thread-1"}
    before = member.model_of(ask(member, "weighted", "one", **key))
    moved = ask(member, "weighted", f"[[only {before}]] [[status 500]] [[only *]]", **key)
    assert member.model_of(moved) != before
    again = ask(member, "weighted", "three", **key)
    assert member.model_of(again) == member.model_of(moved)
    assert member.receipt(again)["reason"] == "same_conversation"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_all_attempts_together_end_at_the_deadline(member: Member, stream: bool) -> None:
    started = time.monotonic()
    http_response = ask(member, "late", "[[delay 5]]", stream=stream)
    assert (http_response.status_code, error_of(http_response)["code"]) == (504, "upstream_timeout")
    assert 2.4 < time.monotonic() - started < 6
    receipt = member.receipt(http_response)
    assert [attempt["how"] for attempt in receipt["attempts"]] == ["upstream_timeout"] * 3
    assert receipt["attempts"][-1]["end"] < 5000


def test_fast_plan_goes_where_the_first_output_comes_soonest(members: dict[str, Member]) -> None:
    words = "[[only swift-one]] [[wait 0.4]]"
    fast = members["fast"]
    learning = [fast.model_of(ask(fast, "swift", f"{words} {n}", stream=True)) for n in range(2)]
    assert set(learning) == {"swift-one", "swift-two"}
    later = [ask(fast, "swift", f"{words} later {n}", stream=True) for n in range(4)]
    assert {fast.model_of(answer) for answer in later} == {"swift-two"}
    assert fast.receipt(later[-1])["reason"] == "fastest"
    standard = members["standard"]
    assert standard.model_of(ask(standard, "swift", words, stream=True)) == "swift-one"


def test_receipt_tells_estimate_order_and_each_attempt_with_its_times(member: Member) -> None:
    words = "[[only told-one]] [[status 500]] [[only told-two]] [[wait 0.1]]"
    http_response = ask(member, "told", words, stream=True)
    assert http_response.status_code == 200
    receipt = member.receipt(http_response)
    assert receipt["tokens"] > 0
    assert (receipt["speed"], receipt["reason"]) == ("standard", "order")
    assert receipt["routes"] == ["east/told-one", "east/told-two"]
    first, last = receipt["attempts"]
    assert (first["route"], first["how"]) == ("east/told-one", "upstream_error")
    assert (last["route"], last["how"]) == ("east/told-two", "completed")
    assert first["end"] <= last["at"] <= last["output"] <= last["end"]
    assert last["output"] - last["at"] >= 100
