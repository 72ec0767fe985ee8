"""POST chat/completions, streamed."""

from __future__ import annotations

import json
import statistics
from itertools import pairwise
from typing import Any

import pytest

from tests.api.client import DONE, Api, assert_tells_nothing
from tests.harness.demo import Demo

TWO_CALLS = '[[tool get_a {"x": "0123456789"}]] [[tool get_b {"y": "0123456789"}]]'
TOOLS = [{"type": "function", "function": {"name": name}} for name in ("get_a", "get_b")]


def calls_of(chunks: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Join the tool calls of a stream as SDKs do."""
    calls: list[dict[str, str]] = []
    for chunk in chunks:
        for choice in chunk["choices"]:
            for told in choice["delta"].get("tool_calls", []):
                if told["index"] == len(calls):
                    calls.append({"id": told["id"], "name": told["function"]["name"], "arguments": ""})
                else:
                    assert told.keys() == {"index", "function"}
                    assert told["function"].keys() == {"arguments"}
                calls[told["index"]]["arguments"] += told["function"]["arguments"]
    return calls


def test_stream_has_role_text_finish_and_done_in_this_order(api: Api, demo: Demo) -> None:
    streamed = api.stream("[[reply one two three]]", model="plain")
    assert streamed.http_response.headers["Content-Type"].startswith("text/event-stream")
    assert streamed.http_response.headers["Cache-Control"] == "no-cache"
    assert streamed.http_response.headers["X-Accel-Buffering"] == "no"
    assert "Content-Encoding" not in streamed.http_response.headers
    first, *middle, last = streamed.chunks
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [chunk["choices"][0]["delta"].keys() for chunk in middle] == [{"content"}] * 3
    assert last["choices"] == [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    assert streamed.body.endswith(DONE)
    assert {(chunk["id"], chunk["created"], chunk["model"]) for chunk in streamed.chunks} == {
        (first["id"], first["created"], "plain")
    }
    assert all("usage" not in chunk for chunk in streamed.chunks)
    assert demo.requests()[-1]["body"]["stream_options"] == {"include_usage": True}
    assert not [word for word in ("demo", "fp_", "backend") if word in streamed.body.decode()]


def test_row_of_a_stream_has_the_upstreams_tokens_and_the_time_to_first_output(api: Api) -> None:
    streamed = api.stream("[[reply one two three]] [[delay 0.05]]", model="plain")
    row = api.row(streamed.request_id)
    assert (row["status"], row["completion_tokens"], row["tokens_estimated"]) == ("completed", 3, 0)
    assert 40 <= row["first_output_ms"] <= row["duration_ms"]
    line = api.gateway.log_line(streamed.request_id)
    assert (line["outcome"], line["stream"], line["bytes"]) == ("completed", True, len(streamed.body))


@pytest.mark.parametrize("usage", ["double", "every", "finish", "always", "float", "bare"])
def test_usage_is_one_chunk_before_done_wherever_the_upstream_puts_it(api: Api, usage: str) -> None:
    words = f"[[reply one two three]] [[usage {usage}]]"
    streamed = api.stream(words, model="plain", stream_options={"include_usage": True})
    *others, last = streamed.chunks
    assert last["choices"] == []
    assert type(last["usage"]["completion_tokens"]) is int
    assert last["usage"]["completion_tokens"] == 3
    assert all(chunk["usage"] is None and chunk["choices"] for chunk in others)
    unasked = api.stream(words, model="plain")
    assert all("usage" not in chunk and chunk["choices"] for chunk in unasked.chunks)
    assert api.row(unasked.request_id)["completion_tokens"] == 3


def test_usage_is_estimated_where_the_upstream_tells_none(api: Api) -> None:
    words = "[[reply one two three four]] [[usage missing]]"
    streamed = api.stream(words, model="plain", stream_options={"include_usage": True})
    row = api.row(streamed.request_id)
    assert row["tokens_estimated"]
    assert streamed.chunks[-1]["usage"]["completion_tokens"] == row["completion_tokens"] > 0
    assert row["prompt_tokens"] > 0


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "[[interleave]]",
        "[[odd name-late]]",
        "[[odd no-index]]",
        "[[odd args-object]]",
        "[[odd repeat-id]]",
        "[[odd empty-id]]",
        "[[odd no-id]]",
        "[[odd same-id]]",
        "[[odd one-delta]]",
        "[[odd no-role]]",
        "[[odd role-every]]",
        "[[odd empty-choices]]",
        "[[odd no-index]] [[odd empty-id]] [[odd one-delta]]",
        "[[interleave]] [[odd name-late]] [[odd repeat-id]]",
    ],
)
def test_parallel_calls_are_told_alike_however_oddly_the_upstream_tells_them(api: Api, odd: str) -> None:
    streamed = api.stream(f"{TWO_CALLS} {odd}", model="plain", tools=TOOLS)
    calls = calls_of(streamed.chunks)
    assert [(call["name"], json.loads(call["arguments"])) for call in calls] == [
        ("get_a", {"x": "0123456789"}),
        ("get_b", {"y": "0123456789"}),
    ]
    assert len({call["id"] for call in calls}) == 2
    assert all(call["id"].startswith("call_") and "demo" not in call["id"] for call in calls)
    assert streamed.finish == "tool_calls"


@pytest.mark.parametrize(
    "frame",
    [
        "[[frame crlf]]",
        "[[frame cr]]",
        "[[frame no-space]]",
        "[[frame multi-data]]",
        "[[frame event-names]]",
        "[[frame ids]]",
        "[[frame bom]]",
        "[[frame comments]]",
        "[[frame spaced-json]]",
        "[[write bytes]]",
        "[[write halves]]",
        "[[write one]]",
        "[[unchunked]]",
        "[[burst]]",
        "[[no-done]]",
        "[[close]]",
        "[[frame crlf]] [[frame bom]] [[write bytes]]",
    ],
)
def test_framing_of_the_upstream_never_shows(api: Api, frame: str) -> None:
    streamed = api.stream(f"[[reply grün 漢字 \u2028 ends]] {frame}", model="plain")
    assert streamed.text == "grün 漢字 \u2028 ends"
    assert streamed.finish == "stop"
    assert b"\r" not in streamed.body
    assert streamed.body.count(b"\n\n") == streamed.body.count(b"data: ") == len(streamed.events)
    assert api.row(streamed.request_id)["status"] == "completed"


def test_each_event_leaves_when_it_comes_in_one_piece(api: Api) -> None:
    streamed = api.stream("[[tokens 5]] [[pace 60]]", model="plain")
    texts = [(at, piece) for at, piece in streamed.pieces if b'"content":"' in piece and b"role" not in piece]
    assert len(texts) >= 4
    assert all(piece.startswith(b"data: ") and piece.endswith(b"\n\n") for _, piece in streamed.pieces)
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(texts)]
    assert statistics.median(gaps) > 0.02


def test_a_long_text_in_one_event_passes(api: Api) -> None:
    assert len(api.stream("[[bytes 1000000]]", model="plain").text) == 1_000_000


@pytest.mark.parametrize(("told", "shown"), [("length", "length"), ("end_turn", "stop"), ("null", "stop")])
def test_finish_reason_is_one_that_clients_know(api: Api, told: str, shown: str) -> None:
    assert api.stream(f"[[reply x]] [[finish {told}]]", model="plain").finish == shown


def test_empty_answer_is_a_normal_one_and_counts(api: Api) -> None:
    streamed = api.stream("[[no-text]]", model="plain")
    assert (streamed.text, streamed.finish) == ("", "stop")
    row = api.row(streamed.request_id)
    assert (row["status"], row["counted"]) == ("completed", 1)


def test_choices_of_one_stream_keep_apart(api: Api) -> None:
    streamed = api.stream("[[reply a b]]", model="plain", n=2)
    for index in (0, 1):
        mine = [choice for chunk in streamed.chunks for choice in chunk["choices"] if choice["index"] == index]
        assert mine[0]["delta"] == {"role": "assistant", "content": ""}
        assert "".join(choice["delta"].get("content") or "" for choice in mine) == ["a b", "a b [2]"][index]
        assert [choice["finish_reason"] for choice in mine if choice["finish_reason"]] == ["stop"]


@pytest.mark.parametrize("endless", ["[[endless comments]]", "[[silence 5@9]]"])
def test_finished_answer_whose_formal_end_never_comes_ends_all_the_same(api: Api, endless: str) -> None:
    streamed = api.stream(f"[[no-text]] {endless}", model="plain")
    assert (streamed.status, streamed.finish) == (200, "stop")
    assert api.row(streamed.request_id)["status"] == "completed"


# -- broken in the middle


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        ("[[cut 4]]", "upstream_incomplete"),
        ("[[drop 4]]", "upstream_incomplete"),
        ("[[reset 4]]", "upstream_incomplete"),
        ("[[finish missing]] [[no-done]]", "upstream_incomplete"),
        ("[[stream-error object@4]]", "upstream_error"),
        ("[[stream-error string@4]]", "upstream_error"),
        ("[[stream-error flat@4]]", "upstream_error"),
        ("[[stream-error array@4]]", "upstream_error"),
        ("[[stream-error finish@4]]", "upstream_error"),
        ("[[bad-json 4]]", "upstream_error"),
        ("[[bad-utf8 4]]", "upstream_error"),
        ("[[silence 5@4]]", "upstream_timeout"),
    ],
)
def test_trouble_after_output_ends_the_stream_with_an_error_and_done(api: Api, trouble: str, code: str) -> None:
    # Slow enough for a loaded machine: output that comes together with the trouble is not sent at all.
    streamed = api.stream(f"[[tokens 6]] [[pace 60]] {trouble}", model="plain")
    assert streamed.status == 200
    assert streamed.text
    assert streamed.error is not None
    assert streamed.error.keys() == {"message", "type", "param", "code"}
    assert streamed.error["code"] == code
    assert streamed.events[-1] == "[DONE]"
    assert not [word for word in ("demo", "backend", "10.0.0.7") if word in json.dumps(streamed.error)]
    row = api.row(streamed.request_id)
    assert (row["status"], row["counted"], row["error_code"]) == ("interrupted", 1, code)
    assert row["completion_tokens"] > 0


@pytest.mark.parametrize("at_start", ["[[cut 1]]", "[[drop 1]]", "[[reset 1]]", "[[stream-error object@1]]"])
def test_trouble_before_output_is_a_status_and_counts_nothing(api: Api, at_start: str) -> None:
    streamed = api.stream(f"[[tokens 6]] {at_start}", model="plain")
    assert streamed.status == 502
    assert_tells_nothing(streamed.http_response)
    row = api.row(streamed.request_id)
    assert (row["status"], row["counted"], row["reason"]) == ("failed", 0, "no_output")


@pytest.mark.parametrize(
    "silent", ["[[wait 5]]", "[[wait 5]] [[keepalive 0.05]]", "[[silence 5@1]] [[keepalive 0.05]]"]
)
def test_bytes_without_output_run_into_the_first_byte_timeout(api: Api, silent: str) -> None:
    streamed = api.stream(silent, model="plain")
    assert streamed.status == 504
    assert 0.9 < streamed.http_response.elapsed.total_seconds() < 2
    assert api.row(streamed.request_id)["counted"] == 0


def test_stream_answered_as_plain_json_is_a_bad_answer(api: Api) -> None:
    streamed = api.stream("[[body json]]", model="plain")
    assert (streamed.status, streamed.http_response.json()["error"]["code"]) == (502, "upstream_error")
    assert api.row(streamed.request_id)["counted"] == 0


def test_failure_before_output_moves_on_to_the_next_route(api: Api) -> None:
    for trouble in ("[[status 500]]", "[[cut 1]]", "[[stream-error object@1]]", "[[status 429]] [[retry-after 9]]"):
        streamed = api.stream(f"[[reply saved]] [[only demo-one]] {trouble}", model="pair")
        assert (streamed.status, streamed.text, streamed.finish) == (200, "saved", "stop")
        row = api.row(streamed.request_id)
        assert (row["status"], row["attempts"], row["upstream_model"]) == ("completed", 2, "demo-two")
    assert api.stream("[[reply saved]]", model="rescued").text == "saved"


def test_failure_after_output_is_not_tried_elsewhere(api: Api, demo: Demo) -> None:
    streamed = api.stream("[[tokens 6]] [[pace 5]] [[only cut-one]] [[cut 3]]", model="cut-pair")
    assert streamed.error is not None
    assert api.row(streamed.request_id)["attempts"] == 1
    assert demo.requests()[-1]["body"]["model"] == "cut-one"
