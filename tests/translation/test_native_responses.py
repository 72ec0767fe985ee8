"""A Responses stream on a Responses upstream: complete orders, own ids, one end, one object."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprints.api_v1.errors import UpstreamError
from blueprints.api_v1.sse import EventSplitter
from blueprints.api_v1.translation.chat_answer import Tokens
from tests.translation.native_wire import (
    BEGIN,
    accumulated,
    added,
    completed,
    everything,
    kinds,
    message,
    numbered,
    play,
    read,
    read_tail,
    translator,
)


def test_text_comes_in_the_order_that_clients_rely_on() -> None:
    events = play([*BEGIN, *message(0, ["a", "b"]), completed()])
    assert kinds(events) == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
        "output_text.delta", "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert events[0]["response"]["output"] == []
    assert events[0]["response"]["usage"] is None


def test_conf_051_sequence_gapless_output_index_unique_ids_stable_across_events() -> None:
    events = play(everything())
    items = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert [item["id"] for item in items] == ["rs_own0", "msg_own1", "fc_own2", "fc_own4", "ctc_own6"]
    by_index = {event["output_index"]: event["item"]["id"] for event in events if event["type"].endswith("item.added")}
    assert by_index == dict(enumerate(item["id"] for item in items))
    for event in events:
        if "item_id" in event:
            assert event["item_id"] == by_index[event["output_index"]]
    assert {item["call_id"] for item in items if "call_id" in item} == {"call_own3", "call_own5", "call_own7"}


def test_conf_037_finished_object_equals_what_was_streamed_and_what_a_whole_answer_gives() -> None:
    stream = translator()
    events = play(everything(), into=stream)
    items = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    final = events[-1]["response"]
    assert final["output"] == items
    assert final == stream.final_object()
    told = [event["item"] for event in everything() if event["type"] == "response.output_item.done"]
    assert translator().whole(completed(*told)["response"]) == final


def test_sdk_stream_helper_accumulates_the_finished_object() -> None:
    events = play(everything())
    helped = accumulated(events)
    assert helped.output_text == 'Hello w\\"örld\u2028 and on and on'
    assert [item.type for item in helped.output] == [item["type"] for item in events[-1]["response"]["output"]]


def test_usage_has_every_key_as_an_integer() -> None:
    usage = play([*BEGIN, *message(0, ["a"]), completed()])[-1]["response"]["usage"]
    assert usage == {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 12,
    }
    assert all(type(count) is int for count in (usage["input_tokens"], usage["total_tokens"]))


def test_conf_056_missing_usage_is_filled_by_the_estimate() -> None:
    stream = translator()
    stream.feed(numbered([*message(0, ["a"]), completed(usage=None)]))
    assert stream.tokens() is None
    stream.set_estimate(Tokens(prompt=3, completion=1, estimated=True))
    assert stream.final_object()["usage"]["total_tokens"] == 4
    assert read_tail(stream.finish())["response"]["usage"]["total_tokens"] == 4


def test_stream_cut_at_every_byte_gives_the_same_bytes() -> None:
    wire = b"".join(b"event: x\r\ndata: " + data + b"\r\n\r\n" for data in numbered(everything()))
    expected = translator()
    whole = expected.feed(EventSplitter().feed(wire)) + expected.finish()
    for size in (1, 7, 1000):
        stream, splitter, out = translator(), EventSplitter(), b""
        for at in range(0, len(wire), size):
            out += stream.feed(splitter.feed(wire[at : at + size]))
        assert out + stream.finish() == whole
    for cut in range(0, len(wire), 3):
        stream, splitter = translator(), EventSplitter()
        out = stream.feed(splitter.feed(wire[:cut])) + stream.feed(splitter.feed(wire[cut:]))
        assert out + stream.finish() == whole


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=12))
def test_deltas_that_are_not_parsed_say_the_same_as_parsed_ones(pieces: list[str]) -> None:
    events = [*BEGIN, *message(0, pieces), completed()]
    quick, slow = translator(), translator()
    slow._templates.learn = lambda *_: None  # type: ignore[method-assign]
    assert quick.feed(numbered(events)) + quick.finish() == slow.feed(numbered(events)) + slow.finish()
    assert quick.final_object()["output"][0]["content"][0]["text"] == "".join(pieces)


def test_delta_with_a_key_of_the_upstream_is_never_taken_over_unparsed() -> None:
    pieces = message(0, ["one", "two", "three", "four"])
    pieces[5]["logprobs"] = [{"token": "four", "logprob": -1, "BACKEND": 1, "top_logprobs": []}]
    pieces[4]["BACKEND"] = "BACKEND"
    events = play([*pieces, completed()])
    [probability] = events[7]["logprobs"]
    assert probability == {"token": "four", "logprob": -1, "bytes": [102, 111, 117, 114], "top_logprobs": []}
    assert set(events[6]) == {
        "type", "sequence_number", "item_id", "output_index", "content_index", "delta", "logprobs"
    }  # fmt: skip


@pytest.mark.parametrize("tail", [b'","delta":"x"', b'\xff"', b'\\"', b'"', b'\n"', b'","sequence_number":01'])
def test_delta_with_broken_bytes_is_never_taken_over(tail: bytes) -> None:
    head = numbered([*BEGIN, *message(0, ["one"])])[:5]
    stream = translator()
    stream.feed(head)
    broken = head[4].replace(b'one"', b"two" + tail)
    try:
        out = stream.feed([broken])
    except UpstreamError:
        return
    for block in out.split(b"\n\n")[:-1]:
        assert orjson.loads(block.partition(b"data: ")[2])["delta"] in ("x", "two")


def test_nothing_leaves_before_the_first_output_and_a_second_attempt_begins_anew() -> None:
    stream = translator()
    assert stream.feed(numbered([*BEGIN, added("message", 0, content=[])])) == b""
    assert not stream.has_output
    stream.restart()
    events = play([*BEGIN, *message(0, ["a"]), completed()], into=stream)
    assert len([event for event in events if event["type"] == "response.output_item.added"]) == 1


def test_failed_attempt_after_a_keep_alive_leaves_one_beginning() -> None:
    stream = translator()
    out = stream.keep_alive() + stream.keep_alive()
    with pytest.raises(UpstreamError):
        stream.feed(numbered([*message(0, ["lost"])[:3], {"type": "error", "message": "BACKEND", "code": None}]))
    stream.restart()
    out += stream.feed(numbered([*message(0, ["a"]), completed()])) + stream.finish()
    assert kinds(read(out))[:4] == ["created", "in_progress", "keepalive", "output_item.added"]


def test_failed_first_batch_takes_no_numbers() -> None:
    stream = translator()
    with pytest.raises(UpstreamError):
        stream.feed(numbered([*message(0, ["lost"])[:3], {"type": "error", "message": "BACKEND", "code": None}]))
    stream.restart()
    assert play([*message(0, ["a"]), completed()], into=stream)[0]["type"] == "response.created"
