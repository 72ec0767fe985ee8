"""What upstreams do to a chat stream, and what a Responses client sees of it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from blueprints.api_v1 import sse
from blueprints.api_v1.errors import GatewayError, UpstreamError
from blueprints.api_v1.translation.chat_answer import Tokens
from tests.translation.recorded import NAMES, recorded
from tests.translation.responses_machine import (
    PATCH_TOOL,
    Told,
    call,
    check_stream,
    checked,
    chunk,
    end,
    function,
    machine,
    no_tokens,
    text,
    thought,
    translate,
)

TOOLS = [function("look"), function("listen")]


def test_conf_051_sequence_gapless() -> None:
    chunks = [*thought("a"), *text("b"), *call(0, "{}", name="look"), *call(1, "{}", name="listen"), *text("c")]
    told = checked([*chunks, *end()], tools=TOOLS)  # holds numbers, places and ids against each other
    assert [event["output_index"] for event in told.of("output_item.done")] == [0, 1, 2, 3, 4]


def test_conf_052_whitespace_before_call_dropped() -> None:
    told = checked([*text("\n", "\n "), *call(0, "{}", name="look"), *end("tool_calls")], tools=TOOLS)
    assert [item["type"] for item in told.final["output"]] == ["function_call"]


def test_conf_052_empty_delta_no_item() -> None:
    assert checked([*text("", ""), chunk({"content": None}), *end()]).final["output"] == []


def test_whitespace_before_text_is_part_of_it() -> None:
    told = checked([*text("\n", " ", "Hi"), *end()])
    assert told.final["output"][0]["content"][0]["text"] == "\n Hi"


def test_whitespace_alone_is_no_answer() -> None:
    assert checked([*text("\n", " "), *end()]).final["output"] == []


def test_conf_053_call_id_generated_when_missing() -> None:
    told = checked([*call(0, "{}", name="look"), *end("tool_calls")], tools=TOOLS)
    assert told.final["output"][0]["call_id"].startswith("call_")


def test_conf_053_duplicate_replaced() -> None:
    chunks = [*call(0, "{}", name="look", call_id="same"), *call(1, "{}", name="look", call_id="same")]
    told = checked([*chunks, *end("tool_calls")], tools=TOOLS)
    first, second = told.final["output"]
    assert first["call_id"] != second["call_id"]
    assert b"same" not in told.raw


@pytest.mark.parametrize("arguments", ["", None])
def test_conf_054_args_empty_to_object(arguments: str | None) -> None:
    told = checked(
        [chunk({"tool_calls": [{"index": 0, "function": {"name": "look", "arguments": arguments}}]}), *end()],
        tools=TOOLS,
    )
    assert told.final["output"][0]["arguments"] == "{}"


def test_arguments_as_an_object_become_their_json() -> None:
    delta = {"tool_calls": [{"function": {"name": "look", "arguments": {"at": [1, 2]}}}]}
    assert checked([chunk(delta), *end()], tools=TOOLS).final["output"][0]["arguments"] == '{"at":[1,2]}'


def test_name_after_the_arguments_waits_for_both() -> None:
    chunks = [*call(0, '{"at"', ":1}"), *call(0, name="look")]
    told = checked([*chunks, *end("tool_calls")], tools=TOOLS)
    assert [event["delta"] for event in told.of("function_call_arguments.delta")] == ['{"at"', ":1}"]


def test_name_that_never_comes_is_shown_as_it_is() -> None:
    told = checked([*call(0, '{"at":1}'), *end("tool_calls")], tools=TOOLS)
    assert (told.final["output"][0]["name"], told.final["output"][0]["arguments"]) == ("", '{"at":1}')


def test_repeated_name_and_id_change_nothing() -> None:
    chunks = [chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "look", "arguments": piece}}]})
              for piece in ('{"at"', ":", "1}")]  # fmt: skip
    told = checked([*chunks, *end("tool_calls")], tools=TOOLS)
    assert [item["arguments"] for item in told.final["output"]] == ['{"at":1}']


def test_same_index_with_another_id_and_name_is_another_call() -> None:
    chunks = [*call(0, "{}", name="look", call_id="a"), *call(0, "{}", name="listen", call_id="b")]
    told = checked([*chunks, *end("tool_calls")], tools=TOOLS)
    assert [item["name"] for item in told.final["output"]] == ["look", "listen"]


@pytest.mark.parametrize("call_ids", [("a", "b"), (None, None)])
def test_calls_without_index_are_told_apart(call_ids: tuple[str | None, str | None]) -> None:
    deltas = []
    for name, call_id in zip(["look", "listen"], call_ids, strict=True):
        deltas.append({"id": call_id, "function": {"name": name, "arguments": '{"at":1}'}})
    told = checked([*[chunk({"tool_calls": [delta]}) for delta in deltas], *end("tool_calls")], tools=TOOLS)
    assert [(item["name"], item["arguments"]) for item in told.final["output"]] == [
        ("look", '{"at":1}'),
        ("listen", '{"at":1}'),
    ]


def test_unknown_tool_is_told_as_a_plain_call() -> None:
    told = checked([*call(0, "{}", name="invented"), *end("tool_calls")], tools=TOOLS)
    assert (told.final["output"][0]["type"], told.final["output"][0]["name"]) == ("function_call", "invented")


def test_truncated_call_keeps_what_came() -> None:
    told = checked([*call(0, '{"at', name="look"), *end("length")], tools=TOOLS)
    assert (told.final["output"][0]["status"], told.final["output"][0]["arguments"]) == ("incomplete", '{"at')


def test_further_choices_are_left_out() -> None:
    other = orjson.dumps({"choices": [{"index": 1, "delta": {"content": "no"}, "finish_reason": "stop"}]})
    told = checked([*text("yes"), other, *text("!"), *end()])
    assert told.final["output"][0]["content"][0]["text"] == "yes!"


def test_last_usage_counts_and_nothing_but_integers_is_told() -> None:
    usage = {
        "prompt_tokens": 10.0,
        "completion_tokens": 4.0,
        "prompt_cache_hit_tokens": 3,
        "cache_creation_input_tokens": 2.0,
        "completion_tokens_details": {"reasoning_tokens": 1.0},
        "cost": 0.01,
    }
    told = checked([chunk({"content": "a"}, usage={"prompt_tokens": 1}), chunk(finish="stop", usage=usage), b"[DONE]"])
    assert orjson.dumps(told.final["usage"]) == orjson.dumps(
        {
            "input_tokens": 10,
            "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
            "output_tokens": 4,
            "output_tokens_details": {"reasoning_tokens": 1},
            "total_tokens": 14,
        }
    )
    assert told.machine.tokens() == Tokens(prompt=10, completion=4, cached=3, reasoning=1)


def test_estimate_stands_in_for_usage_that_was_not_told() -> None:
    translator = machine()
    raw = translator.feed([*text("Hello"), chunk(finish="stop")])
    assert (translator.tokens(), translator.output_bytes) == (None, 5)
    translator.set_estimate(Tokens(9, 2, estimated=True))
    assert Told(raw + translator.finish(), translator).final["usage"]["total_tokens"] == 11


def test_logprobs_are_told_when_asked_for_and_only_then() -> None:
    probability = {"token": "Hi", "logprob": -0.5, "bytes": None, "top_logprobs": [{"token": "Ho", "logprob": -1.5}]}
    chunks = [chunk({"content": "Hi"}, logprobs={"content": [probability]}), *end()]
    told = checked(chunks, include=["message.output_text.logprobs"])
    assert told.final["output"][0]["content"][0]["logprobs"] == [
        {
            "token": "Hi",
            "bytes": [72, 105],
            "logprob": -0.5,
            "top_logprobs": [{"token": "Ho", "bytes": [72, 111], "logprob": -1.5}],
        }
    ]
    assert told.of("output_text.delta")[0]["logprobs"][0]["token"] == "Hi"
    assert b"-0.5" not in checked(chunks).raw


def test_reasoning_is_sealed_with_its_details_when_asked_for() -> None:
    detail = {"type": "reasoning.text", "index": 0, "format": "x"}
    chunks = [
        chunk({"reasoning": "Let ", "reasoning_details": [{**detail, "text": "Let "}]}),
        chunk({"reasoning": "me", "reasoning_details": [{**detail, "text": "me", "signature": "s1"}]}),
        *text("Yes"),
        *end(),
    ]
    told = checked(chunks, include=["reasoning.encrypted_content"], reasoning={"summary": "auto"})
    sealed = told.final["output"][0]["encrypted_content"].removeprefix("sealed:")
    assert orjson.loads(sealed) == {
        "kind": "reasoning",
        "text": "Let me",
        "details": [{**detail, "text": "Let me", "signature": "s1"}],
    }
    assert "encrypted_content" not in checked(chunks).final["output"][0]
    assert b"s1" not in checked(chunks).raw


def test_what_an_upstream_wants_back_with_a_call_is_kept_and_never_shown() -> None:
    delta = {"index": 0, "function": {"name": "look", "arguments": "{}"}, "extra_content": {"google": {"sig": "x9"}}}
    told = checked([chunk({"tool_calls": [delta]}), *end("tool_calls")], tools=TOOLS)
    [item] = told.final["output"]
    assert told.machine.call_extras == {item["call_id"]: {"google": {"sig": "x9"}}}
    assert b"x9" not in told.raw


def test_restart_forgets_the_attempt_but_not_what_has_left() -> None:
    translator = machine()
    raw = translator.keep_alive()
    assert translator.feed([chunk({"content": " "}), chunk(finish="length", usage={"prompt_tokens": 5})]) == b""
    translator.restart()
    assert (translator.has_finished, translator.tokens()) == (False, None)
    raw += translator.feed([*text("Hi"), *end()])
    told = Told(raw + translator.finish(), translator)
    check_stream(told)
    assert told.final["output"][0]["content"][0]["text"] == "Hi"


@pytest.mark.parametrize(
    "data",
    [
        b'{"error":{"message":"boom at host-7"}}',
        b'{"error":"boom at host-7"}',
        b'{"object":"error","message":"boom at host-7"}',
        b'[{"error":{"message":"boom at host-7"}}]',
        b'{"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}',
        b"no JSON",
        b"17",
    ],
)
def test_trouble_in_the_stream_is_raised_and_not_told(data: bytes) -> None:
    translator = machine()
    raw = translator.feed(text("Hi"))
    raw += translator.feed([data])
    with pytest.raises(UpstreamError) as raised:
        translator.finish()
    assert b"host-7" not in raw + translator.fail(raised.value)


@pytest.mark.parametrize(
    ("told", "code", "words"),
    [
        ({"message": "maximum context length is 4096 (host-7)"}, "context_length_exceeded", "context window"),
        ({"code": "context_length_exceeded", "message": "host-7"}, "context_length_exceeded", "context window"),
        ({"code": 429, "message": "host-7 is busy, try again in 7s"}, "rate_limit_exceeded", "try again in 7s."),
        ({"type": "rate_limit_error", "message": "host-7"}, "rate_limit_exceeded", "try again in 5s."),
        ("Rate limit reached on host-7", "rate_limit_exceeded", "try again in 5s."),
        ({"code": 529, "message": "host-7"}, "server_is_overloaded", "too much to do"),
        ({"code": 502, "message": "host-7"}, "server_error", "usable answer"),
    ],
)
def test_trouble_in_the_stream_is_told_in_the_codes_that_agents_act_on(told: Any, code: str, words: str) -> None:
    translator = machine()
    raw = translator.feed(text("Hi"))
    raw += translator.feed([orjson.dumps({"error": told})])
    with pytest.raises(GatewayError) as raised:
        translator.finish()
    raw += translator.fail(raised.value)
    error = Told(raw, translator).final["error"]
    assert error["code"] == code
    assert words in error["message"]
    assert b"host-7" not in raw


def test_client_that_leaves_has_a_cancelled_response() -> None:
    translator = machine()
    translator.feed(text("Hel", "lo"))
    left = translator.final_object()
    assert (left["status"], left["output"][0]["status"]) == ("cancelled", "incomplete")
    assert left["output"][0]["content"][0]["text"] == "Hello"


def message(**more: Any) -> dict[str, Any]:
    return {
        "id": "up",
        "model": "secret",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": None, **more}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16},
    }


PATCH = '{"input":"*** Begin Patch\\n*** End Patch"}'


@pytest.mark.parametrize(
    ("whole", "chunks"),
    [
        (message(content="Hello"), text("Hel", "lo")),
        (message(content=" \n"), text(" ", "\n")),
        (message(content=""), []),
        (message(content="\n\nHello"), text("\n", "\nHel", "lo")),
        (message(content="b", reasoning_content="aa"), [*thought("a", "a"), *text("b")]),
        (message(refusal="no"), [chunk({"refusal": "n"}), chunk({"refusal": "o"})]),
        (
            message(
                content="t",
                tool_calls=[
                    {"id": "x", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}},
                    {"id": "x", "type": "function", "function": {"name": "apply_patch", "arguments": PATCH}},
                    {"id": "", "type": "function", "function": {"name": "look", "arguments": ""}},
                ],
            ),
            [
                *text("t"),
                *call(0, '{"a"', ":1}", name="look", call_id="x"),
                *call(1, PATCH[:9], PATCH[9:20], PATCH[20:], name="apply_patch", call_id="y"),
                *call(2, name="look"),
            ],
        ),
    ],
)
def test_conf_037_resp_stream_equals_nonstream(whole: dict[str, Any], chunks: list[bytes]) -> None:
    tools = [*TOOLS, PATCH_TOOL]
    streamed = checked([*chunks, *end()], tools=tools).final
    assert machine(tools=tools).whole(whole, estimate=no_tokens) == streamed


def test_whole_answer_without_usage_gets_the_estimate() -> None:
    told = message(content="Hello")
    del told["usage"]
    translator = machine()
    assert translator.whole(told, estimate=no_tokens)["usage"]["output_tokens"] == 5
    assert translator.tokens() == Tokens(1, 5, estimated=True)


@pytest.mark.parametrize("told", [None, [], {}, {"choices": []}, {"choices": [{"text": "x"}]}, {"error": "boom"}])
def test_whole_answer_that_is_none_is_an_error(told: object) -> None:
    with pytest.raises(UpstreamError):
        machine().whole(told, estimate=no_tokens)


@pytest.mark.parametrize("name", NAMES)
def test_recorded_stream_reads_the_same_however_it_is_cut(name: str) -> None:
    raw = recorded(name)
    expected = _fed([raw])
    assert _fed([raw[place : place + 1] for place in range(len(raw))]).raw == expected.raw
    for place in range(1, len(raw), 7):
        assert _fed([raw[:place], raw[place:]]).raw == expected.raw
    check_stream(expected)


def _fed(pieces: list[bytes]) -> Told:
    translator, splitter = machine(tools=TOOLS), sse.EventSplitter()
    raw = b"".join(translator.feed(splitter.feed(piece)) for piece in pieces)
    raw += translator.feed(splitter.finish())
    return Told(raw + translator.finish(), translator)


def test_known_chunks_are_taken_over_without_a_difference() -> None:
    pieces = ["plain", 'quo"te', "back\\slash", "new\nline", "\u2028", "é", "😀", "\x00", "plain"]
    for chunks in (text("start", *pieces), thought("start", *pieces), call(0, "start", *pieces, name="look")):
        told = checked([*chunks, *end()], tools=TOOLS)
        [output] = told.final["output"]
        found = output["arguments"] if "arguments" in output else output["content"][0]["text"]
        assert found == "start" + "".join(pieces)


def test_known_chunk_with_another_field_changed_is_read_again() -> None:
    chunks = [*text("a", "b"), chunk({"content": "c"}, "stop"), *text("d"), b"[DONE]"]
    assert translate(chunks).final["output"][0]["content"][0]["text"] == "abc"


def test_half_of_a_surrogate_pair_does_not_break_the_stream() -> None:
    def raw(inside: bytes) -> bytes:
        return b'{"choices":[{"index":0,"delta":{"content":"%b"}}]}' % inside

    told = translate([raw(b"a"), raw(b"b"), raw(b"\\ud83d"), raw(b"\\ude00"), raw(b"\\ud83d"), *end()])
    assert told.final["output"][0]["content"][0]["text"] == "ab" + "\ufffd" * 3
