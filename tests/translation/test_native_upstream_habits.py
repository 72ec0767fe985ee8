"""What Responses upstreams leave out, do otherwise or fail at, and what their client sees of it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from openai.types.responses import Response

from blueprints.api_v1.errors import (
    ContextTooLong,
    GatewayError,
    UpstreamBusy,
    UpstreamError,
    UpstreamIncomplete,
    UpstreamOverloaded,
)
from tests.translation.native_wire import (
    BEGIN,
    REASONING,
    Event,
    accumulated,
    added,
    call,
    completed,
    done,
    ending,
    everything,
    kinds,
    message,
    numbered,
    of_item,
    play,
    read,
    read_tail,
    translator,
)


@pytest.mark.parametrize("place", range(2, 7))
def test_text_that_only_comes_late_is_said_before_its_end(place: int) -> None:
    """The deltas are missing, then the text's end too, then the part's, then the item's."""
    events = message(0, ["Hello"])
    kept = [*events[:2], *events[place + 1 :]] if place < 6 else []
    out = play([*BEGIN, *kept, completed(events[-1]["item"])])
    assert kinds(out) == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert out[-1]["response"]["output"][0]["content"][0]["text"] == "Hello"


def test_rest_of_a_text_that_its_end_knows_more_of_is_said() -> None:
    events = message(0, ["Hel", "lo"])
    del events[3]
    deltas = [event["delta"] for event in play([*events, completed()]) if event["type"].endswith("delta")]
    assert deltas == ["Hel", "lo"]


def test_conf_054_args_empty_to_object_args_only_in_done() -> None:
    empty, late = call(0, "now", []), call(1, "late", ['{"a":1}'])
    events = play([*empty[0], *empty[2], *late[0], *late[2], completed()])
    output = events[-1]["response"]["output"]
    assert [item["arguments"] for item in output] == ["{}", '{"a":1}']
    deltas = [event["delta"] for event in events if event["type"].endswith("arguments.delta")]
    assert deltas == ["{}", '{"a":1}']


def test_conf_053_call_id_generated_when_missing_duplicate_replaced() -> None:
    first, second = call(0, "a", ["{}"], call_id="BACKEND_same"), call(1, "b", ["{}"], call_id="BACKEND_same")
    del first[0][0]["item"]["call_id"]
    output = play([e for part in (*first, *second) for e in part] + [completed()])[-1]["response"]["output"]
    assert len({item["call_id"] for item in output}) == 2


def test_two_items_under_one_upstream_number_stay_two() -> None:
    reasoning = [event for event in REASONING if "done" not in event["type"]]
    events = play([*reasoning, *message(0, ["a"]), completed()])
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["reasoning", "message"]
    assert accumulated(events).output_text == "a"


def test_conf_046_order_refusal() -> None:
    events = play([*message(0, ["No", "."], kind="refusal"), completed()])
    assert kinds(events)[3:8] == [
        "content_part.added", "refusal.delta", "refusal.delta", "refusal.done", "content_part.done"
    ]  # fmt: skip
    assert events[-1]["response"]["output"][0]["content"] == [{"type": "refusal", "refusal": "No."}]


@pytest.mark.parametrize(("told", "shown"), [("max_output_tokens", "max_output_tokens"), ("content_filter",) * 2])
def test_conf_047_order_incomplete_length(told: str, shown: str) -> None:
    cut = message(0, ["Hel"])[:3]
    end = completed(status="incomplete", incomplete_details={"reason": told})
    events = play([*cut, {**end, "type": "response.incomplete"}])
    assert kinds(events)[-4:] == ["output_text.done", "content_part.done", "output_item.done", "incomplete"]
    assert events[-2]["item"]["status"] == "incomplete"
    assert events[-1]["response"]["incomplete_details"] == {"reason": shown}
    assert play([*cut, end])[-1]["type"] == "response.incomplete"  # some servers call it completed


def test_conf_050_order_empty_answer() -> None:
    events = play([*BEGIN, completed()])
    assert kinds(events) == ["created", "in_progress", "completed"]
    assert events[-1]["response"]["output"] == []


def test_conf_049_order_failed_after_text() -> None:
    stream = translator()
    out = stream.feed(numbered(message(0, ["Hel", "lo"])[:4]))
    out += stream.feed(numbered([{"type": "response.failed", "response": {"error": {"message": "BACKEND"}}}])[-1:])
    assert stream.is_done
    with pytest.raises(UpstreamError) as caught:
        stream.finish()
    events = read(out + stream.fail(caught.value))
    assert kinds(events)[-2:] == ["error", "failed"]
    codes = [events[-2]["error"]["code"], events[-2]["code"], events[-1]["response"]["error"]["code"]]
    assert codes == ["server_error"] * 3
    [item] = events[-1]["response"]["output"]
    assert (item["status"], item["content"][0]["text"]) == ("incomplete", "Hello")
    assert stream.fail(GatewayError()) == b""
    assert stream.final_object()["status"] == "failed"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "context_length_exceeded", "message": "BACKEND"}, ContextTooLong),
        ({"message": "maximum context length is 8192 tokens (BACKEND)"}, ContextTooLong),
        ({"code": "rate_limit_exceeded", "message": "Please try again in 1.5s."}, UpstreamBusy),
        ({"code": "rate_limit_exceeded", "message": "BACKEND"}, UpstreamBusy),
        ({"code": "server_is_overloaded", "message": "BACKEND"}, UpstreamOverloaded),
        ({"code": "server_error", "message": "BACKEND"}, UpstreamError),
    ],
)
@pytest.mark.parametrize("form", ["failed", "error", "flat", "bare", "array"])
def test_error_of_the_upstream_before_output_is_raised_as_ours(
    form: str, error: Event, kind: type[GatewayError]
) -> None:
    events: dict[str, Any] = {
        "failed": {"type": "response.failed", "response": {"status": "failed", "error": error}},
        "error": {"type": "error", "error": error},
        "flat": {"type": "error", "param": None, **error},
        "bare": {"error": error},
        "array": [{"error": error}],
    }
    with pytest.raises(kind) as caught:
        translator().feed([orjson.dumps(events[form])])
    assert type(caught.value) is kind
    assert "BACKEND" not in str(caught.value.body())


def test_end_without_terminal_event_is_an_error_and_done_alone_is_none() -> None:
    stream = translator()
    stream.feed(numbered(message(0, ["a"])[:3]))
    with pytest.raises(UpstreamIncomplete):
        stream.finish()
    assert stream.final_object()["status"] == "cancelled"
    stream.feed([b"[DONE]"])
    assert read_tail(stream.finish())["type"] == "response.completed"
    with pytest.raises(UpstreamError):
        translator().finish()
    empty = translator()
    empty.feed([b"[DONE]"])
    with pytest.raises(UpstreamError):
        empty.finish()


def test_sealed_reasoning_is_given_out_only_to_who_asked_for_it() -> None:
    silent = play([*REASONING, completed()])
    assert "encrypted_content" not in silent[-1]["response"]["output"][0]
    sealed: list[Event] = []

    def seal(blob: Event) -> str:
        sealed.append(blob)
        return "own seal"

    asked = play([*REASONING, completed()], into=translator(seal=seal))
    assert asked[-1]["response"]["output"][0]["encrypted_content"] == "own seal"
    assert sealed == [{"id": "BACKEND_0", "encrypted_content": "BACKEND sealed"}]


def test_events_of_hosted_tools_pass_with_our_ids_and_unknown_ones_do_not() -> None:
    search = {"action": {"type": "search", "query": "q"}}
    events = play(
        [
            added("web_search_call", 0, **search),
            of_item("web_search_call.searching", 0, provider_state="BACKEND"),
            of_item("web_search_call.completed", 0),
            of_item("web_search_call.celebrating", 0, note="BACKEND"),
            done("web_search_call", 0, **search, secret="BACKEND"),
            added("BACKEND_item", 1, secret="BACKEND"),
            done("BACKEND_item", 1, secret="BACKEND"),
            *message(2, ["a"]),
            of_item(
                "output_text.annotation.added", 2, content_index=0, annotation_index=0, annotation={"type": "BACKEND"}
            ),
            completed(),
        ]
    )
    assert kinds(events)[2:6] == [
        "output_item.added", "web_search_call.searching", "web_search_call.completed", "output_item.done"
    ]  # fmt: skip
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["web_search_call", "message"]
    assert events[3]["item_id"] == events[2]["item"]["id"]


def test_citations_are_relayed_and_stand_in_the_finished_part() -> None:
    cited = {"type": "url_citation", "url": "https://example.org", "title": "t", "start_index": 0, "end_index": 1}
    events = message(0, ["a"])
    note = of_item(
        "output_text.annotation.added", 0, content_index=0, annotation_index=3, annotation={**cited, "x": "BACKEND"}
    )
    out = play([*events[:3], note, *events[3:], completed()])
    assert out[5]["annotation"] == cited
    assert out[5]["annotation_index"] == 0
    assert out[-1]["response"]["output"][0]["content"][0]["annotations"] == [cited]


@pytest.mark.parametrize("told", [None, [], {"output": None}, {"error": {"message": "BACKEND"}, "output": []}])
def test_whole_answer_that_is_no_response_is_an_upstream_error(told: Any) -> None:
    with pytest.raises(UpstreamError):
        translator().whole(told)


def test_whole_answer_fits_the_sdks_type() -> None:
    told = [event["item"] for event in everything() if event["type"] == "response.output_item.done"]
    final = translator().whole(completed(*told)["response"])
    assert Response.model_validate(final).output_text.startswith("Hello")
    assert "BACKEND" not in str(final)


def test_memory_holds_each_text_once() -> None:
    stream = translator()
    pieces = [f"piece {number} " for number in range(3000)]
    stream.feed(numbered([*BEGIN, *message(0, pieces), completed()]))
    [item] = stream._reader.items
    [text] = item.texts.values()
    assert not text.raw
    assert item.final is not None
    assert item.final["content"][0]["text"] is text.whole


def test_every_prefix_of_a_stream_ends_in_one_terminal_event() -> None:
    events = numbered(everything())
    for cut in range(len(events)):
        stream = translator()
        out = stream.feed(events[:cut])
        out += ending(stream.finish, stream)
        kinds_ = kinds(read(out))
        assert [kind for kind in kinds_ if kind in ("completed", "incomplete", "failed")] == kinds_[-1:]


def test_log_is_not_told_what_an_event_says_that_cannot_be_read() -> None:
    for told in (b'{"delta": "what was said', b'"what was said"'):
        with pytest.raises(UpstreamError) as caught:
            translator().feed([told])
        assert caught.value.detail
        assert "said" not in caught.value.detail
