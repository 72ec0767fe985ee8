"""A chat client on a Responses upstream: streams, whole answers, and that both say the same."""

from __future__ import annotations

import itertools
from itertools import chain
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from blueprints.api_v1.errors import ContextTooLong, GatewayError, UpstreamError, UpstreamIncomplete
from blueprints.api_v1.sse import EventSplitter
from blueprints.api_v1.translation.chat_answer import Tokens
from blueprints.api_v1.translation.chat_over_responses import ChatOverResponses
from blueprints.api_v1.translation.chat_over_responses_answer import whole_chat
from blueprints.api_v1.translation.chat_over_responses_merged import MergedChat, merged_chat
from tests.translation.native_wire import (
    BEGIN,
    CUSTOM,
    REASONING,
    USAGE,
    Event,
    added,
    call,
    completed,
    done,
    everything,
    message,
    numbered,
    of_item,
)

KNOWN: dict[str, Any] = {"alias": "smart-route", "answer_id": "chatcmpl-own", "created": 1}


def translator(**more: Any) -> ChatOverResponses:
    numbers = itertools.count()
    return ChatOverResponses(
        **{**KNOWN, "include_usage": True, "new_call_id": lambda: f"call_own{next(numbers)}", **more}
    )


def whole(*items: Event, **more: Any) -> dict[str, Any]:
    numbers = itertools.count()
    told = completed(*items)["response"]
    answer = whole_chat(told, new_call_id=lambda: f"call_own{next(numbers)}", **KNOWN, **more).answer
    ChatCompletion.model_validate(answer)
    return answer


def play(events: list[Event], **more: Any) -> list[Event]:
    stream = translator(**more)
    return read(stream.feed(numbered(events)) + stream.finish())


def read(out: bytes) -> list[Event]:
    *blocks, last, end = out.split(b"\n\n")
    assert (last, end) == (b"data: [DONE]", b"")
    assert b"BACKEND" not in out
    chunks = [orjson.loads(block.removeprefix(b"data: ")) for block in blocks]
    for chunk in chunks:
        if b'"type":"custom"' not in orjson.dumps(chunk):  # the SDK's type of a delta knows functions alone
            ChatCompletionChunk.model_validate(chunk)
        assert (chunk["id"], chunk["created"], chunk["model"]) == ("chatcmpl-own", 1, "smart-route")
    return chunks


def deltas(chunks: list[Event]) -> list[Event]:
    return [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]


def accumulated(chunks: list[Event]) -> Any:
    """The choice that the SDK's stream helper makes of the chunks."""
    state: Any = ChatCompletionStreamState()
    for chunk in chunks:
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    return state.current_completion_snapshot.choices[0]


def reasoning(chunks: list[Event]) -> str:
    return "".join(delta.get("reasoning_content", "") for delta in deltas(chunks))


def items_of(events: list[Event]) -> list[Event]:
    return [event["item"] for event in events if event["type"] == "response.output_item.done"]


def test_text_comes_as_role_deltas_finish_usage_done() -> None:
    chunks = play([*BEGIN, *message(0, ["Hel", "lo"]), completed()])
    assert deltas(chunks) == [{"role": "assistant", "content": ""}, {"content": "Hel"}, {"content": "lo"}, {}]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None, None, None, "stop"]
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    assert chunks[-1]["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 5,
        "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def test_usage_is_not_told_unasked() -> None:
    chunks = play([*message(0, ["a"]), completed()], include_usage=False)
    assert not any("usage" in chunk for chunk in chunks)


def test_stream_and_whole_answer_say_the_same() -> None:
    declared = frozenset({"look", "see", "apply_patch"})
    chunks = play(everything(), functions=declared)
    choice = whole(*items_of(everything()), functions=declared)["choices"][0]
    helped = accumulated(chunks)
    assert helped.message.content == choice["message"]["content"] == 'Hello w\\"örld\u2028 and on and on'
    assert reasoning(chunks) == choice["message"]["reasoning_content"] == "hm yes"
    assert helped.finish_reason == choice["finish_reason"] == "tool_calls"
    calls = [told.model_dump(exclude={"index"}, exclude_none=True) for told in helped.message.tool_calls]
    assert calls == choice["message"]["tool_calls"]
    assert calls[1]["function"] == {"name": "see", "arguments": '{"b":"é \\" \u2028"}'}


def test_custom_call_has_its_own_form_or_that_of_the_function_that_was_declared() -> None:
    text = "*** Begin Patch\n*** End Patch\n"
    custom = [delta["tool_calls"][0] for delta in deltas(play([*CUSTOM, completed()])) if "tool_calls" in delta]
    assert custom[0] == {
        "index": 0, "id": "call_own0", "type": "custom", "custom": {"name": "apply_patch", "input": ""}
    }  # fmt: skip
    assert "".join(piece["custom"]["input"] for piece in custom) == text
    wrapped = accumulated(play([*CUSTOM, completed()], functions=frozenset({"apply_patch"})))
    assert orjson.loads(wrapped.message.tool_calls[0].function.arguments) == {"input": text}
    [of_whole] = whole(*items_of(CUSTOM), functions=frozenset({"apply_patch"}))["choices"][0]["message"]["tool_calls"]
    assert orjson.loads(of_whole["function"]["arguments"]) == {"input": text}


@pytest.mark.parametrize("only_done", [True, False])
def test_wrapped_custom_call_is_valid_json_also_when_empty_or_late(only_done: bool) -> None:
    same = {"call_id": "c", "name": "p"}
    text = 'a"b' if only_done else ""
    events = [added("custom_tool_call", 0, **same, input=""), done("custom_tool_call", 0, **same, input=text)]
    helped = accumulated(play([*events, completed()], functions=frozenset({"p"})))
    assert orjson.loads(helped.message.tool_calls[0].function.arguments) == {"input": text}


def test_legacy_functions_are_answered_in_their_old_form() -> None:
    first, second = call(0, "f", ["{}"]), call(1, "g", ["{}"])
    events = [event for part in (*first, *second) for event in part]
    chunks = play([*events, completed()], legacy_functions=True)
    assert deltas(chunks)[1:3] == [
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
    ]
    assert chunks[-2]["choices"][0]["finish_reason"] == "function_call"
    choice = whole(*items_of(events), legacy_functions=True)["choices"][0]
    assert choice["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert "tool_calls" not in choice["message"]


@pytest.mark.parametrize("place", range(2, 7))
def test_text_that_only_comes_late_is_said_once(place: int) -> None:
    events = message(0, ["Hello"])
    kept = [*events[:2], *events[place + 1 :]] if place < 6 else []
    chunks = play([*BEGIN, *kept, completed(events[-1]["item"])])
    assert deltas(chunks) == [{"role": "assistant", "content": ""}, {"content": "Hello"}, {}]


def test_rest_of_a_text_is_said_where_deltas_were_not_parsed() -> None:
    events = message(0, ["é\\", "ab\n", "c\U0001f600", "d", "rest"])
    del events[6]
    assert accumulated(play([*events, completed()])).message.content == "é\\ab\nc\U0001f600drest"


def test_call_that_only_its_end_tells_is_said() -> None:
    empty, late = call(0, "now", []), call(1, "late", ['{"a":1}'])
    helped = accumulated(play([*empty[2], *late[2], completed()]))
    assert [told.function.arguments for told in helped.message.tool_calls] == ["{}", '{"a":1}']
    assert [told.id for told in helped.message.tool_calls] == ["call_own0", "call_own1"]


def test_name_that_comes_with_the_end_starts_the_call_then() -> None:
    first = call(0, "f", ['{"a":', "1}"])
    first[0][0]["item"]["name"] = ""
    del first[2][0]
    [start, piece] = [delta["tool_calls"][0] for delta in deltas(play([*chain(*first), completed()]))[1:3]]
    assert (start["function"]["name"], piece["function"]["arguments"]) == ("f", '{"a":1}')


def test_reasoning_in_both_forms_is_said_once_and_its_parts_stand_apart() -> None:
    again = of_item("reasoning_text.delta", 0, content_index=0, delta="hm yes")
    second = of_item("reasoning_summary_text.delta", 0, summary_index=1, delta="also")
    events = [*REASONING[:4], again, second, *message(1, ["a"]), completed()]
    assert reasoning(play(events)) == "hm yes\n\nalso"


def test_refusal_and_probabilities_are_relayed() -> None:
    told = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [], "BACKEND": 1}
    events = message(0, ["a"])
    events[2]["logprobs"] = [told]
    [chunk] = [
        chunk for chunk in play([*events, completed()]) if chunk["choices"] and "logprobs" in chunk["choices"][0]
    ]
    assert chunk["choices"][0]["logprobs"]["content"] == [{key: told[key] for key in told if key != "BACKEND"}]
    refused = play([*message(0, ["No", "."], kind="refusal"), completed()])
    assert accumulated(refused).message.refusal == "No."
    assert whole(*items_of(message(0, ["No."], kind="refusal")))["choices"][0]["message"]["refusal"] == "No."


@pytest.mark.parametrize(("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter")])
def test_incomplete_answer_tells_why_it_ended(reason: str, finish: str) -> None:
    end = completed(status="incomplete", incomplete_details={"reason": reason})
    chunks = play([*message(0, ["a"])[:3], {**end, "type": "response.incomplete"}])
    assert chunks[-2]["choices"][0]["finish_reason"] == finish
    assert whole_chat(end["response"], new_call_id=str, **KNOWN).answer["choices"][0]["finish_reason"] == finish


@settings(max_examples=200, deadline=None)
@given(
    st.text("abX\n", max_size=40), st.lists(st.integers(1, 5), max_size=20), st.sampled_from([("X",), ("ab\n", "bb")])
)
def test_stop_cuts_at_the_first_match_wherever_the_pieces_part(
    text: str, sizes: list[int], stops: tuple[str, ...]
) -> None:
    pieces, at = [], 0
    for size in [*sizes, 100]:
        pieces += [text[at : at + size]] if text[at : at + size] else []
        at += size
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    expected = text[: min(places)] if places else text
    stream = translator(stops=stops)
    out = stream.feed(numbered([*BEGIN, *message(0, pieces), completed()]))
    chunks = read(out + stream.finish())
    assert "".join(delta.get("content", "") for delta in deltas(chunks)) == expected
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert whole(*items_of(message(0, pieces)), stops=stops)["choices"][0]["message"]["content"] == expected


def test_stop_ends_the_upstream_call_and_leaves_the_count_to_an_estimate() -> None:
    stream = translator(stops=("END",))
    out = stream.feed(numbered([*message(0, ["a E", "ND b", "c"])[:4]]))
    assert stream.is_done
    assert stream.has_finished
    assert stream.tokens() is None
    stream.set_estimate(Tokens(prompt=2, completion=1, estimated=True))
    chunks = read(out + stream.finish())
    assert deltas(chunks)[1] == {"content": "a "}
    assert chunks[-1]["usage"]["total_tokens"] == 3


def test_text_held_for_a_stop_leaves_before_a_call() -> None:
    chunks = play([*message(0, ["a E"]), *chain(*call(1, "f", ["{}"])), completed()], stops=("END",))
    assert [list(delta) for delta in deltas(chunks)[1:4]] == [["content"], ["content"], ["tool_calls"]]


def test_nothing_leaves_before_the_first_output_and_a_second_attempt_begins_anew() -> None:
    stream = translator()
    assert stream.feed(numbered([*BEGIN, added("message", 0, content=[])])) == b""
    assert not stream.has_output
    with pytest.raises(UpstreamError):
        stream.feed(numbered([*message(0, ["lost"])[:3], {"type": "error", "error": {"message": "BACKEND"}}]))
    stream.restart()
    chunks = read(stream.feed(numbered([*message(0, ["a"]), completed()])) + stream.finish())
    assert deltas(chunks) == [{"role": "assistant", "content": ""}, {"content": "a"}, {}]


def test_error_after_output_is_raised_by_finish_and_told_without_a_word_of_the_upstream() -> None:
    stream = translator()
    out = stream.feed(numbered(message(0, ["a"])[:3]))
    failed = {
        "type": "response.failed",
        "response": {"error": {"code": "context_length_exceeded", "message": "BACKEND"}},
    }
    out += stream.feed(numbered([of_item("output_text.delta", 0, content_index=0, delta="b"), failed]))
    with pytest.raises(ContextTooLong) as caught:
        stream.finish()
    assert b'"content":"b"' in out
    assert caught.value.param == "messages"
    end = stream.fail(caught.value)
    assert end.endswith(b"data: [DONE]\n\n")
    assert b"BACKEND" not in end


def test_stream_without_an_end_is_an_error_and_an_empty_answer_is_none() -> None:
    stream = translator()
    stream.feed(numbered(message(0, ["a"])[:3]))
    with pytest.raises(UpstreamIncomplete):
        stream.finish()
    with pytest.raises(UpstreamError):
        translator().finish()
    assert deltas(play([*BEGIN, completed()])) == [{"role": "assistant", "content": ""}, {}]
    assert whole()["choices"][0]["message"]["content"] == ""


@pytest.mark.parametrize(
    "told", [None, {"output": None}, {"status": "failed", "error": {"message": "BACKEND"}, "output": []}]
)
def test_whole_answer_that_is_no_response_is_an_upstream_error(told: Any) -> None:
    with pytest.raises(UpstreamError) as caught:
        whole_chat(told, new_call_id=str, **KNOWN)
    assert "BACKEND" not in str(caught.value.body())


def test_stream_cut_at_every_byte_gives_the_same_bytes() -> None:
    wire = b"".join(b"event: x\r\ndata: " + data + b"\r\n\r\n" for data in numbered(everything()))
    expected = translator()
    all_at_once = expected.feed(EventSplitter().feed(wire)) + expected.finish()
    for cut in range(0, len(wire), 3):
        stream, splitter = translator(), EventSplitter()
        out = stream.feed(splitter.feed(wire[:cut])) + stream.feed(splitter.feed(wire[cut:]))
        assert out + stream.finish() == all_at_once


def test_every_prefix_of_a_stream_ends_well_formed() -> None:
    events = numbered(everything())
    for cut in range(len(events)):
        stream = translator()
        out = stream.feed(events[:cut])
        with pytest.raises(GatewayError) as caught:
            stream.finish()
        out += stream.fail(caught.value)
        *_, error, done_, end = out.split(b"\n\n")
        assert (done_, end) == (b"data: [DONE]", b"")
        assert set(orjson.loads(error.removeprefix(b"data: "))["error"]) == {"message", "type", "param", "code"}


def test_reasoning_that_the_upstream_wants_back_is_kept_by_call() -> None:
    stream = translator()
    out = stream.feed(numbered(everything()))
    assert b"BACKEND" not in out
    kept = {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "hm yes"}],
        "encrypted_content": "BACKEND sealed",
    }
    assert set(stream.kept_reasoning) == {"call_own0", "call_own1", "call_own2"}
    [item] = stream.kept_reasoning["call_own0"]
    assert {key: item[key] for key in kept} == kept
    told = completed(*items_of(everything()))["response"]
    assert whole_chat(told, new_call_id=str, **KNOWN).kept_reasoning[""][0]["encrypted_content"] == "BACKEND sealed"


def test_conf_019_chat_n_two_merged() -> None:
    parts = [translator(choice_index=index) for index in range(2)]
    merged = MergedChat(parts, **KNOWN, include_usage=True)
    events = numbered([*message(0, ["a"]), completed()])
    out = merged.feed(events)
    assert merged.is_done
    assert not merged.has_finished
    out += merged.end_call()
    assert not merged.is_done
    out += merged.feed(events)
    assert merged.has_finished
    chunks = read(out + merged.finish())
    assert [(c["index"], c["finish_reason"]) for chunk in chunks for c in chunk["choices"] if c["finish_reason"]] == [
        (0, "stop"),
        (1, "stop"),
    ]
    assert [chunk["usage"]["total_tokens"] for chunk in chunks if chunk["usage"]] == [24]
    assert merged.tokens() == Tokens(prompt=14, completion=10, cached=4)
    answer = merged_chat([whole(*items_of(message(0, ["a"])))] * 2)
    assert [choice["index"] for choice in answer["choices"]] == [0, 1]
    assert answer["usage"]["total_tokens"] == 24
    assert USAGE["input_tokens"] == 7.0


def test_memory_of_a_stream_does_not_grow_with_its_length() -> None:
    stream = translator()
    stream.feed(numbered(message(0, ["piece"] * 2000)[:-3]))
    [item] = stream._items
    assert item.sent == {("response.output_text", 0): 10_000}
