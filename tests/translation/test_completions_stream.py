"""Streams of classic completions made of one or several chat streams."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import Completion

from blueprints.api_v1.errors import GatewayError, UpstreamError, UpstreamIncomplete
from blueprints.api_v1.sse import EventSplitter
from blueprints.api_v1.translation.chat_answer import Tokens
from blueprints.api_v1.translation.chat_over_responses import ChatOverResponses
from blueprints.api_v1.translation.completions_fence import FenceStripper, without_fence
from blueprints.api_v1.translation.completions_over_chat import completion_answer, plan_completion
from blueprints.api_v1.translation.completions_stream import MergedCompletions
from tests.translation.native_wire import completed, message, numbered

KNOWN: dict[str, Any] = {"alias": "smart-route", "answer_id": "cmpl-own", "created": 1}
USAGE = {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}


def chunk(delta: dict[str, Any] | None, *, index: int = 0, finish: str | None = None, **more: Any) -> bytes:
    told = {"id": "BACKEND", "object": "chat.completion.chunk", "model": "BACKEND", "system_fingerprint": "BACKEND"}
    choices = [] if delta is None else [{"index": index, "delta": delta, "finish_reason": finish}]
    if choices and "logprobs" in more:
        choices[0]["logprobs"] = more.pop("logprobs")
    return orjson.dumps({**told, "choices": choices, **more})


def chat(*pieces: str, index: int = 0, finish: str = "stop") -> list[bytes]:
    said = [chunk({"content": piece}, index=index) for piece in pieces]
    return [chunk({"role": "assistant", "content": ""}, index=index), *said, chunk({}, index=index, finish=finish)]


END = [chunk(None, usage=USAGE), b"[DONE]"]


def merged(body: dict[str, Any], *, include_usage: bool = True, **plan: Any) -> MergedCompletions:
    return MergedCompletions(plan_completion(body, **plan), **KNOWN, include_usage=include_usage)


def play(body: dict[str, Any], *calls: list[bytes], **more: Any) -> list[dict[str, Any]]:
    stream = merged(body, **more)
    out = b""
    for events in calls[:-1]:
        out += stream.feed(events) + stream.end_call()
    return read(out + stream.feed(calls[-1]) + stream.finish())


def read(out: bytes) -> list[dict[str, Any]]:
    *blocks, last, end = out.split(b"\n\n")
    assert (last, end) == (b"data: [DONE]", b"")
    assert out.count(b"[DONE]") == 1
    assert b"BACKEND" not in out
    chunks = [orjson.loads(block.removeprefix(b"data: ")) for block in blocks]
    for one in chunks:
        assert (one["object"], one["id"], one["model"]) == ("text_completion", "cmpl-own", "smart-route")
        reasons = [choice["finish_reason"] or "stop" for choice in one["choices"]]
        Completion.model_validate(
            {**one, "choices": [{**c, "finish_reason": r} for c, r in zip(one["choices"], reasons, strict=True)]}
        )
        assert all(set(choice) == {"text", "index", "logprobs", "finish_reason"} for choice in one["choices"])
    return chunks


def said(chunks: list[dict[str, Any]]) -> list[tuple[int, str, str | None]]:
    return [(c["index"], c["text"], c["finish_reason"]) for one in chunks for c in one["choices"]]


def test_conf_030_compl_stream_shape() -> None:
    chunks = play({"prompt": "a"}, [*chat("Hel", "lo"), *END])
    assert said(chunks) == [(0, "Hel", None), (0, "lo", None), (0, "", "stop")]
    assert [one["usage"] for one in chunks] == [None, None, None, USAGE]


def test_usage_is_not_told_unasked() -> None:
    chunks = play({"prompt": "a"}, [*chat("a"), *END], include_usage=False)
    assert not any("usage" in one for one in chunks)


def test_conf_031_compl_array_prompts_streams_merged_and_usage_summed() -> None:
    both = [*chat("a0"), *chat("a1", index=1), *END]
    chunks = play({"prompt": ["a", "b"], "n": 2}, both, [*chat("b0"), *chat("b1", index=1), *chat("?", index=2), *END])
    assert [(index, text) for index, text, _ in said(chunks) if text] == [(0, "a0"), (1, "a1"), (2, "b0"), (3, "b1")]
    assert chunks[-1]["usage"] == {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}


def test_relay_sees_which_call_runs_and_how_many_are_left() -> None:
    stream = merged({"prompt": ["a", "b"]})
    assert stream.calls_left == 1
    stream.feed([*chat("a"), *END])
    assert (stream.is_done, stream.call_has_finished, stream.has_finished) == (True, True, False)
    stream.end_call()
    assert (stream.is_done, stream.calls_left, stream.has_output) == (False, 0, True)
    assert stream.tokens() is None
    stream.feed([*chat("b"), *END])
    assert stream.has_finished
    assert stream.tokens() == Tokens(prompt=4, completion=2)
    assert stream.output_bytes == 2


def test_estimate_stands_for_all_calls() -> None:
    stream = merged({"prompt": ["a", "b"]})
    stream.feed([*chat("a"), *END])
    stream.end_call()
    out = stream.feed([*chat("b"), b"[DONE]"])
    assert stream.tokens() is None
    stream.set_estimate(Tokens(prompt=5, completion=2, estimated=True))
    assert read(out + stream.finish())[-1]["usage"]["total_tokens"] == 7


def test_conf_033_compl_echo_comes_first_in_each_choice() -> None:
    chunks = play({"prompt": ["A", "B"], "echo": True}, [*chat("a"), *END], [*chat(), *END])
    assert said(chunks) == [(0, "A", None), (0, "a", None), (0, "", "stop"), (1, "B", None), (1, "", "stop")]


def test_echo_is_no_output_and_a_second_attempt_says_it_once() -> None:
    stream = merged({"prompt": "A", "echo": True})
    assert stream.feed(chat("x")[:1]) == b""
    assert not stream.has_output
    with pytest.raises(UpstreamError):
        stream.feed([chunk({"content": "lost"}), b'{"error":"BACKEND"}'])
    stream.restart()
    assert said(read(stream.feed(chat("a")) + stream.finish())) == [(0, "A", None), (0, "a", None), (0, "", "stop")]


def test_logprobs_become_arrays_whose_offsets_run_on() -> None:
    def token(text: str) -> dict[str, Any]:
        return {"content": [{"token": text, "logprob": -1.0, "top_logprobs": []}]}

    events = [chunk({"content": text}, logprobs=token(text)) for text in ("ab", "cde", "f")]
    chunks = play({"prompt": "1234", "echo": True, "logprobs": 0}, [*events, chunk({}, finish="stop"), *END])
    arrays = [one["choices"][0]["logprobs"] for one in chunks[1:4]]
    assert [array["text_offset"] for array in arrays] == [[4], [6], [9]]
    assert [array["tokens"] for array in arrays] == [["ab"], ["cde"], ["f"]]


def test_reasoning_and_calls_are_left_out_and_refusals_are_text() -> None:
    call = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "BACKEND", "arguments": "{}"}}]}
    events = [
        chunk({"reasoning_content": "BACKEND"}),
        chunk({"refusal": "No."}),
        chunk(call),
        chunk({}, finish="tool_calls"),
    ]
    assert said(play({"prompt": "a"}, [*events, *END])) == [(0, "No.", None), (0, "", "stop")]


def test_error_after_output_waits_for_the_end_of_the_call() -> None:
    stream = merged({"prompt": ["a", "b"]})
    out = stream.feed(chat("a", "b")[:2])
    out += stream.feed([chunk({"content": "b"}), b'{"error":{"message":"BACKEND"}}'])
    with pytest.raises(UpstreamError) as caught:
        stream.end_call()
    chunks = (out + stream.fail(caught.value)).split(b"\n\n")
    assert [orjson.loads(one[6:])["choices"][0]["text"] for one in chunks[:2]] == ["a", "b"]
    assert orjson.loads(chunks[2][6:])["error"]["code"] == "upstream_error"
    assert chunks[3] == b"data: [DONE]"


def test_stream_without_an_end_is_an_error() -> None:
    stream = merged({"prompt": "a"})
    stream.feed(chat("a")[:2])
    with pytest.raises(UpstreamIncomplete):
        stream.finish()
    for events in ([], [b"[DONE]"]):
        empty = merged({"prompt": "a"})
        empty.feed(events)
        with pytest.raises(UpstreamError):
            empty.finish()


def test_stream_cut_at_every_byte_gives_the_same_bytes() -> None:
    events = [*chat("é\n", '"\u2028', "x", "y"), *chat("1", "2", index=1), *END]
    wire = b"".join(b"data: " + data + b"\r\n\r\n" for data in events)
    body = {"prompt": "p", "n": 2, "echo": True}
    expected = merged(body)
    whole = expected.feed(EventSplitter().feed(wire)) + expected.finish()
    for cut in range(len(wire)):
        stream, splitter = merged(body), EventSplitter()
        out = stream.feed(splitter.feed(wire[:cut])) + stream.feed(splitter.feed(wire[cut:]))
        assert out + stream.finish() == whole


@settings(max_examples=200, deadline=None)
@given(st.text("`\n a", max_size=30), st.lists(st.integers(1, 4), max_size=15))
def test_fence_is_stripped_alike_in_pieces_and_whole(text: str, sizes: list[int]) -> None:
    stripper, out, at = FenceStripper(), "", 0
    for size in [*sizes, 100]:
        out += stripper.feed(text[at : at + size])
        at += size
    assert out + stripper.finish() == without_fence(text)
    if "```" not in text:
        assert without_fence(text) == text


def test_fenced_middle_streams_without_its_fence() -> None:
    chunks = play({"prompt": "a", "suffix": "z"}, [*chat("``", "`py\nx = ", "1\n", "y = 2\n`", "``"), *END])
    assert "".join(text for _, text, _ in said(chunks)) == "x = 1\ny = 2"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=8), st.booleans(), st.sampled_from([None, "s"]))
def test_stream_and_whole_answer_say_the_same(pieces: list[str], echo: bool, suffix: str | None) -> None:
    body = {"prompt": "p", "echo": echo, "suffix": suffix}
    streamed = said(play(body, [*chat(*pieces), *END]))
    message_ = {"role": "assistant", "content": "".join(pieces)}
    told = {"choices": [{"index": 0, "message": message_, "finish_reason": "stop"}], "usage": USAGE}
    whole = completion_answer(plan_completion(body), [told], **KNOWN)["choices"][0]
    assert "".join(text for _, text, _ in streamed) == whole["text"]
    assert streamed[-1][2] == whole["finish_reason"]


def test_responses_upstream_serves_completions_through_chat() -> None:
    plan = plan_completion({"prompt": ["a", "b"], "echo": True}, emulate_n=True)
    chats = [ChatOverResponses(**KNOWN, include_usage=True, new_call_id=str, stops=("END",)) for _ in plan.calls]
    stream = MergedCompletions(plan, **KNOWN, include_usage=True, chat_streams=chats)
    events = numbered([*message(0, ["Hel", "lo"]), completed()])
    out = stream.feed(events)
    assert stream.is_done
    out += stream.end_call() + stream.feed(events) + stream.finish()
    chunks = read(out)
    first = [(0, "a", None), (0, "Hel", None), (0, "lo", None), (0, "", "stop")]
    assert said(chunks) == [*first, (1, "b", None), *((1, text, end) for _, text, end in first[1:])]
    assert chunks[-1]["usage"]["total_tokens"] == 24


def test_responses_upstream_that_fails_is_an_error_of_the_call() -> None:
    plan = plan_completion({"prompt": "a"})
    chat_stream = ChatOverResponses(**KNOWN, include_usage=True, new_call_id=str)
    stream = MergedCompletions(plan, **KNOWN, include_usage=False, chat_streams=[chat_stream])
    with pytest.raises(UpstreamError):
        stream.feed(numbered([{"type": "error", "error": {"message": "BACKEND"}}]))
    stream.restart()
    stream.feed(numbered(message(0, ["a"])[:3]))
    with pytest.raises(GatewayError):
        stream.finish()


def test_call_that_stops_between_two_choices_is_incomplete() -> None:
    stream = merged({"prompt": "a", "n": 2})
    out = stream.feed(chat("x"))
    assert not stream.has_finished
    with pytest.raises(UpstreamIncomplete):
        stream.finish()
    out += stream.feed(chat("y", index=1))
    assert stream.has_finished
    assert said(read(out + stream.finish())[:-1])[-1] == (1, "", "stop")
