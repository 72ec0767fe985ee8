"""What trigger words make of an answer, seen on the wire: forms that the table only names."""

from __future__ import annotations

import json
import zlib
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from tests.demo_upstream.conftest import Ask
from tests.harness.demo import Demo

ASK_USAGE = {"stream_options": {"include_usage": True}}
CALL = '[[tool f {"a": "0123456789"}]]'


def test_answers_carry_what_a_gateway_must_hide(ask: Ask) -> None:
    for reply in (ask("Hello", stream=False), ask("Hello")):
        assert reply.header("x-demo-backend") == "demo-backend-7"
        assert reply.header("openai-organization") == "demo-backend-org"
        first = json.loads(reply.body) if reply.header("content-length") else reply.chunks[0]
        assert first["model"] == "demo-model-demo-backend"
        assert first["system_fingerprint"] == "fp_demo-backend"
        assert first["id"].startswith("chatcmpl-demo")


def test_each_event_is_one_http_chunk(ask: Ask) -> None:
    reply = ask("[[tokens 3]]")
    assert [part.count(b"data: ") for part in reply.parts] == [1] * 6
    assert all(part.endswith(b"\n\n") for part in reply.parts)


def test_usage_chunk_comes_only_when_asked_for(ask: Ask) -> None:
    assert all("usage" not in chunk for chunk in ask("Hello").chunks)
    *others, last = ask("Hello", **ASK_USAGE).chunks
    assert [chunk["usage"] for chunk in others] == [None] * len(others)
    assert (last["choices"], last["usage"]["total_tokens"]) == ([], 12)


@pytest.mark.parametrize(
    ("mode", "totals"),
    [
        ("missing", []),
        ("double", [0, 5]),
        ("finish", [5]),
        ("always", [5]),
        ("float", [5.0]),
        ("bare", [None]),
        ("every", [5] * 4),
    ],
)
def test_usage_comes_in_every_odd_form(ask: Ask, mode: str, totals: list[Any]) -> None:
    chunks = ask(f"[[reply a b]] [[usage {mode}]]", **ASK_USAGE).chunks
    assert [chunk["usage"].get("total_tokens") for chunk in chunks if chunk.get("usage")] == [
        total and total + 2 for total in totals
    ]


@pytest.mark.parametrize("reason", ["length", "content_filter", "end_turn", "max_tokens"])
def test_finish_reason_is_the_one_asked_for(ask: Ask, reason: str) -> None:
    assert ask(f"[[finish {reason}]]").chunks[-1]["choices"][0]["finish_reason"] == reason


def test_finish_reason_may_be_null_or_missing(ask: Ask) -> None:
    assert ask("[[finish null]]").chunks[-1]["choices"][0]["finish_reason"] is None
    assert "finish_reason" not in ask("[[finish missing]]").chunks[-1]["choices"][0]


@pytest.mark.parametrize(
    ("form", "key"),
    [("reasoning", "reasoning"), ("details", "reasoning_details"), ("summary", "reasoning_content")],
)
def test_reasoning_comes_in_the_field_asked_for(ask: Ask, form: str, key: str) -> None:
    text = f"[[reasoning Hm]] [[reasoning-as {form}]] [[no-text]]"
    assert key in ask(text).deltas[1]
    assert key in json.loads(ask(text, stream=False).body)["choices"][0]["message"]


def test_think_tags_are_cut_over_two_events(ask: Ask) -> None:
    contents = [delta.get("content") for delta in ask("[[reasoning Hm]] [[reasoning-as think]] [[reply ok]]").deltas]
    assert contents[1:-1] == ["<thi", "nk>", "Hm", "</", "think>", "ok"]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("no-index", lambda calls: all("index" not in call for call in calls)),
        ("args-object", lambda calls: calls[0]["function"]["arguments"] == {"a": "0123456789"}),
        ("repeat-id", lambda calls: len({call["id"] for call in calls}) == 1 and len(calls) == 3),
        ("empty-id", lambda calls: calls[0]["id"] == ""),
        ("no-id", lambda calls: "id" not in calls[0]),
        ("same-id", lambda calls: calls[0]["id"] == "call_0"),
        (
            "one-delta",
            lambda calls: [call["function"]["arguments"] for call in calls] == ['{"a": "0123456789"}'],
        ),
    ],
)
def test_calls_come_in_every_odd_form(ask: Ask, form: str, expected: Any) -> None:
    assert expected(ask(f"{CALL} [[odd {form}]]").calls)


def test_role_may_be_missing_or_repeated(ask: Ask) -> None:
    assert all("role" not in delta for delta in ask("[[odd no-role]]").deltas)
    assert all("role" in delta for delta in ask("[[odd role-every]]").deltas[:-1])


def test_deprecated_functions_are_answered_in_their_own_form(ask: Ask) -> None:
    functions = [{"name": "f", "parameters": {"type": "object"}}]
    *_, last = ask(CALL, functions=functions).chunks
    assert last["choices"][0]["finish_reason"] == "function_call"
    message = json.loads(ask(CALL, functions=functions, stream=False).body)["choices"][0]["message"]
    assert message["function_call"] == {"name": "f", "arguments": '{"a": "0123456789"}'}


@pytest.mark.parametrize(
    ("kind", "start", "content_type"),
    [
        ("error", b'{"error":{"message"', "application/json"),
        ("text", b"demo-backend-secret", "text/plain; charset=utf-8"),
        ("html", b"<html>", "text/html"),
        ("empty", b"", "application/json"),
        ("garbage", b"\x00\xff\xfe", "application/json"),
        ("context", b'{"error":{"message":"This model\'s maximum context length', "application/json"),
        ("string", b'{"error":"demo-backend-secret', "application/json"),
        ("detail", b'{"detail":[', "application/json"),
        ("array", b'[{"error"', "application/json"),
        ("object", b'{"object":"error"', "application/json"),
        ("null", b"null", "application/json"),
    ],
)
def test_failed_answer_has_the_body_asked_for(ask: Ask, kind: str, start: bytes, content_type: str) -> None:
    for status in (200, 502):
        reply = ask(f"[[status {status}]] [[body {kind}]]")
        assert (reply.status, reply.header("content-type")) == (status, content_type)
        assert reply.body.startswith(start)
        assert reply.ended


def test_good_answers_may_be_spoiled(ask: Ask) -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(ask("[[body truncated]]", stream=False).body)
    assert json.loads(ask("[[body no-choices]]", stream=False).body)["choices"] == []
    assert json.loads(ask("[[body json]]").body)["object"] == "chat.completion"


def test_retry_after_may_be_a_date(ask: Ask) -> None:
    value = ask("[[status 429]] [[retry-after date:60]]").header("retry-after")
    assert value is not None
    assert value.endswith("GMT")
    assert parsedate_to_datetime(value).tzinfo is not None


def test_faults_of_a_whole_answer_come_in_the_middle_of_its_body(ask: Ask) -> None:
    cut = ask("[[cut]]", stream=False)
    assert cut.ended
    assert not cut.body.endswith(b"}")
    dropped = ask("[[drop]]", stream=False)
    assert (dropped.ended, dropped.reset) == (False, False)
    assert ask("[[reset 1]]", stream=False).reset
    silent = ask("[[silence 0.2]]", stream=False)
    assert silent.first_s < 0.2 <= silent.took_s
    assert json.loads(silent.body)


def test_connection_may_be_reset_before_and_after_the_headers(ask: Ask) -> None:
    before, after = ask("[[reset]]"), ask("[[reset headers]]")
    assert (before.head, before.reset) == ("", True)
    assert after.reset


@pytest.mark.parametrize(
    ("form", "check"),
    [
        ("string", lambda error: isinstance(error["error"], str)),
        ("flat", lambda error: error["object"] == "error"),
        ("array", lambda error: "message" in error[0]["error"]),
        ("finish", lambda error: error["choices"][0]["finish_reason"] == "error"),
    ],
)
def test_stream_error_comes_in_the_form_asked_for(ask: Ask, form: str, check: Any) -> None:
    payloads = ask(f"[[stream-error {form}]]").payloads
    assert check(json.loads(payloads[2]))
    assert payloads[3:] == ["[DONE]"]


@pytest.mark.parametrize(
    ("form", "sign"),
    [
        ("cr", b"\r\rdata: {"),
        ("multi-data", b"\ndata:   "),
        ("event-names", b"event: message\ndata: {"),
        ("ids", b"id: 0\ndata: {"),
        ("bom", b"\xef\xbb\xbfdata: {"),
        ("comments", b": demo-backend comment\ndata: {"),
        ("spaced-json", b'"object": "chat'),
    ],
)
def test_frames_come_in_every_odd_form(ask: Ask, form: str, sign: bytes) -> None:
    assert sign in ask(f"[[frame {form}]]").body


def test_event_names_of_responses_may_be_left_out(ask_responses: Ask) -> None:
    assert b"event: response.created\n" in ask_responses("Hi").body
    assert b"event:" not in ask_responses("Hi [[frame no-event-names]]").body


def test_body_may_come_byte_by_byte_or_in_one_chunk(ask: Ask) -> None:
    assert {len(part) for part in ask("[[write bytes]] [[reply a]]").parts} == {1}
    assert len(ask("[[write one]]").parts) == 1


def test_line_separator_stays_unescaped_in_the_text(ask: Ask) -> None:
    reply = ask('[[reply "a\\u2028b"]]')
    assert "a\u2028b".encode() in reply.body


def test_compressed_events_can_be_read_one_by_one(ask: Ask) -> None:
    first, *_ = ask("[[gzip]]").parts
    assert zlib.decompressobj(31).decompress(first).endswith(b"\n\n")


def test_keepalive_comments_come_before_the_first_event_too(ask: Ask) -> None:
    parts = ask("[[wait 0.3]] [[keepalive 0.1]]").parts
    assert parts[0] == b": demo-backend keep-alive\n\n"


def test_unknown_words_are_text_and_wrong_arguments_are_told(ask: Ask) -> None:
    assert "You said: [[upstreams]] x" in ask("[[upstreams]] x").text
    reply = ask("[[status many]]")
    assert reply.status == 400
    assert "'status': wants a whole number" in json.loads(reply.body)["error"]["message"]


def test_words_for_another_model_are_passed_over(ask: Ask) -> None:
    text = "[[only other]] [[status 503]] [[only *]] [[reply fine]]"
    assert ask(text).text == "fine"
    assert ask(text, model="other").status == 503


def test_closed_connection_was_not_announced(demo: Demo) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "[[close]]"}]}
    with requests.Session() as session:
        answer = session.post(demo.base_url + "/chat/completions", json=body, timeout=5)
    assert answer.ok
    assert "connection" not in answer.headers


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("chat/completions", {"model": "m"}, "messages"),
        ("chat/completions", {"model": "m", "messages": []}, "messages"),
        ("chat/completions", {"model": "m", "messages": ["x"]}, "messages[0]"),
        ("chat/completions", {"messages": [{"role": "user", "content": "x"}]}, "model"),
        ("responses", {"model": "m"}, "input"),
        ("responses", {"model": "m", "input": "x", "previous_response_id": "resp_1"}, "previous_response_id"),
    ],
)
def test_wrong_requests_get_400_in_the_error_shape(demo: Demo, path: str, body: dict[str, Any], param: str) -> None:
    answer = requests.post(f"{demo.base_url}/{path}", json=body, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_other_paths_and_methods_get_json_errors(demo: Demo) -> None:
    assert requests.get(demo.base_url + "/nothing", timeout=5).json()["error"]["code"] == "unknown_url"
    assert requests.get(demo.base_url + "/chat/completions", timeout=5).status_code == 405
    assert requests.post(demo.base_url + "/chat/completions", data="{no", timeout=5).status_code == 400
