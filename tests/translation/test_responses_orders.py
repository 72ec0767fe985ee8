"""The exact orders of events that SDKs and coding agents accept, each read back by the official SDK."""

from __future__ import annotations

import pytest

from blueprints.api_v1.errors import UpstreamBusy, UpstreamError, UpstreamIncomplete
from tests.translation.responses_machine import (
    NAMESPACE,
    PATCH_TOOL,
    Told,
    call,
    check_stream,
    checked,
    chunk,
    end,
    function,
    machine,
    text,
    thought,
)

BEGIN = ["created", "in_progress"]
TEXT = ["output_item.added", "content_part.added", "output_text.delta"]
TEXT_END = ["output_text.done", "content_part.done", "output_item.done"]
CALL = ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"]
TOOLS = [function("look"), function("listen")]


def test_conf_038_order_text() -> None:
    told = checked([*text("Hel", "lo"), *end()])
    assert told.kinds == [*BEGIN, *TEXT, "output_text.delta", *TEXT_END, "completed"]
    assert told.final["output"][0]["content"] == [
        {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
    ]
    assert told.of("content_part.added")[0]["part"]["text"] == ""


def test_conf_039_order_reasoning_text() -> None:
    told = checked([*thought("Let ", "me"), *text("Yes"), *end()])
    reasoning = [
        "output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.delta",
        "reasoning_text.done", "content_part.done", "output_item.done",
    ]  # fmt: skip
    assert told.kinds == [*BEGIN, *reasoning, *TEXT, *TEXT_END, "completed"]
    added = told.of("output_item.added")[0]["item"]
    assert (added["summary"], added["content"]) == ([], [])
    assert told.final["output"][0]["content"] == [{"type": "reasoning_text", "text": "Let me"}]


def test_conf_040_order_reasoning_summary() -> None:
    told = checked([*thought("Let ", "me"), *text("Yes"), *end()], reasoning={"summary": "auto"})
    reasoning = [
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_summary_part.done",
        "output_item.done",
    ]  # fmt: skip
    assert told.kinds == [*BEGIN, *reasoning, *TEXT, *TEXT_END, "completed"]
    item = told.final["output"][0]
    assert item["summary"] == [{"type": "summary_text", "text": "Let me"}]
    assert "content" not in item


def test_conf_041_order_one_call() -> None:
    told = checked([*call(0, '{"at":1}', name="look", call_id="up_1"), *end("tool_calls")], tools=TOOLS)
    assert told.kinds == [*BEGIN, *CALL, "completed"]
    added = told.of("output_item.added")[0]["item"]
    assert (added["arguments"], added["status"], added["name"]) == ("", "in_progress", "look")
    assert told.final["output"][0]["arguments"] == '{"at":1}'
    assert "namespace" not in added


def test_conf_042_order_two_calls() -> None:
    told = checked([*call(0, '{"at":1}', name="look"), *call(1, "{}", name="listen"), *end("tool_calls")], tools=TOOLS)
    assert told.kinds == [*BEGIN, *CALL, *CALL, "completed"]
    assert [item["name"] for item in told.final["output"]] == ["look", "listen"]


def test_conf_043_order_interleaved_calls() -> None:
    chunks = [*call(0, '{"at"', name="look"), *call(1, '{"to"', name="listen"), *call(0, ":1}"), *call(1, ":2}")]
    told = checked([*chunks, *end("tool_calls")], tools=TOOLS)
    assert [event["output_index"] for event in told.of("function_call_arguments.delta")] == [0, 1, 0, 1]
    assert [item["arguments"] for item in told.final["output"]] == ['{"at":1}', '{"to":2}']


def test_conf_044_order_text_then_call() -> None:
    told = checked([*text("Looking"), *call(0, "{}", name="look"), *end("tool_calls")], tools=TOOLS)
    assert told.kinds == [*BEGIN, *TEXT, *TEXT_END, *CALL, "completed"]


def test_conf_045_order_custom_call() -> None:
    pieces = ['{"inp', 'ut":"*** Begin', " Patch\\", 'n*** End Patch\\n"}']
    told = checked([*call(0, *pieces, name="apply_patch"), *end("tool_calls")], tools=[PATCH_TOOL])
    assert told.kinds == [
        *BEGIN, "output_item.added", *["custom_tool_call_input.delta"] * 3, "custom_tool_call_input.done",
        "output_item.done", "completed",
    ]  # fmt: skip
    assert told.of("output_item.added")[0]["item"]["input"] == ""
    assert told.of("custom_tool_call_input.done")[0]["input"] == "*** Begin Patch\n*** End Patch\n"
    [item] = told.final["output"]
    assert (item["type"], item["id"][:4], item["name"]) == ("custom_tool_call", "ctc_", "apply_patch")


def test_conf_046_order_refusal() -> None:
    told = checked([chunk({"refusal": "I can"}), chunk({"refusal": "not"}), *end()])
    assert told.kinds == [
        *BEGIN, "output_item.added", "content_part.added", "refusal.delta", "refusal.delta", "refusal.done",
        "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert told.final["output"][0]["content"] == [{"type": "refusal", "refusal": "I cannot"}]


def test_refusal_after_text_is_the_next_part_of_the_message() -> None:
    told = checked([*text("Well", ", "), chunk({"refusal": "no"}), *text(" ", "but"), *end()])
    assert [part["type"] for part in told.final["output"][0]["content"]] == ["output_text", "refusal", "output_text"]
    assert [event["content_index"] for event in told.of("content_part.done")] == [0, 1, 2]


def test_conf_047_order_incomplete_length() -> None:
    told = checked([*text("Hel"), *end("length")])
    assert told.kinds == [*BEGIN, *TEXT, *TEXT_END, "incomplete"]
    assert told.final["incomplete_details"] == {"reason": "max_output_tokens"}
    assert told.final["output"][0]["status"] == "incomplete"
    assert told.final["completed_at"] is None
    assert told.final["usage"]["total_tokens"] == 16


def test_conf_048_order_incomplete_filter() -> None:
    told = checked([*text("Hel"), *end("content_filter")])
    assert told.kinds[-1] == "incomplete"
    assert told.final["incomplete_details"] == {"reason": "content_filter"}


def test_conf_049_order_failed_after_text() -> None:
    translator = machine()
    raw = translator.feed(text("Hel")) + translator.fail(UpstreamIncomplete(detail="secret host"))
    told = Told(raw, translator)
    check_stream(told)
    assert told.kinds == [*BEGIN, *TEXT, "error", "failed"]
    error = told.events[-2]
    assert error["code"] == error["error"]["code"] == "server_error"
    assert error["message"] == error["error"]["message"]
    assert error["error"]["type"] == "server_error"
    assert error["param"] is None
    assert told.final["error"] == {"code": "server_error", "message": error["message"]}
    assert told.final["output"][0]["content"][0]["text"] == "Hel"
    assert b"secret" not in raw


def test_conf_050_order_empty_answer() -> None:
    told = checked(end())
    assert told.kinds == [*BEGIN, "completed"]
    assert told.final["output"] == []


def test_failure_that_agents_act_on_keeps_its_code_and_words() -> None:
    translator = machine()
    raw = translator.keep_alive() + translator.fail(UpstreamBusy(7))
    error = Told(raw, translator).final["error"]
    assert error["code"] == "rate_limit_exceeded"
    assert "Please try again in 7s." in error["message"]


def test_call_of_a_namespace_is_told_with_both_names_apart() -> None:
    told = checked([*call(0, "{}", name="mcp__files__read"), *end("tool_calls")], tools=[NAMESPACE])
    [item] = told.final["output"]
    assert (item["name"], item["namespace"]) == ("read", "mcp__files")


def test_text_after_calls_is_a_new_message_and_ends_the_calls() -> None:
    told = checked([*call(0, "{}", name="look"), *text("Done"), *end()], tools=TOOLS)
    assert told.kinds == [*BEGIN, *CALL, *TEXT, *TEXT_END, "completed"]


def test_finished_call_is_closed_as_soon_as_the_next_one_starts() -> None:
    translator = machine(tools=TOOLS)
    raw = translator.feed([*call(0, '{"at":', "1}", name="look"), *call(1, name="listen")])
    assert b'"response.output_item.done","output_index":0' in raw


def test_keepalive_before_any_output_begins_the_response_once() -> None:
    translator = machine()
    raw = translator.keep_alive() + translator.keep_alive() + translator.feed([*text("Hi"), *end()])
    told = Told(raw + translator.finish(), translator)
    assert told.kinds == [*BEGIN, "keepalive", "keepalive", *TEXT, *TEXT_END, "completed"]
    assert told.events[2] == {"type": "keepalive", "sequence_number": 2}
    check_stream(told)


def test_nothing_leaves_before_the_first_output() -> None:
    translator = machine(tools=TOOLS)
    silent = [chunk({"role": "assistant", "content": ""}), chunk({"content": " \n"}), *call(0, '{"a"')]
    assert translator.feed(silent) == b""
    assert not translator.has_output


def test_nothing_follows_the_end() -> None:
    translator = machine()
    raw = translator.feed([*text("Hi"), *end()]) + translator.finish()
    assert Told(raw, translator).kinds[-1] == "completed"
    later = [translator.finish(), translator.fail(UpstreamError()), translator.keep_alive(), translator.feed(text("x"))]
    assert later == [b""] * 4


def test_end_without_reason_but_with_done_completes_what_was_said() -> None:
    assert checked([*text("Hi"), b"[DONE]"]).kinds[-1] == "completed"


def test_end_without_reason_and_without_done_is_a_cut() -> None:
    translator = machine()
    translator.feed(text("Hi"))
    with pytest.raises(UpstreamIncomplete):
        translator.finish()


@pytest.mark.parametrize("chunks", [[], [b"[DONE]"], [chunk({"content": "\n"}), b"[DONE]"]])
def test_end_with_neither_output_nor_reason_is_a_broken_answer(chunks: list[bytes]) -> None:
    translator = machine()
    translator.feed(chunks)
    with pytest.raises(UpstreamError):
        translator.finish()
