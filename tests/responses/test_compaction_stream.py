"""The translation of a summary's stream into a stream of one compaction item."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from blueprints.api_v1.errors import UpstreamError, UpstreamIncomplete
from blueprints.api_v1.translation.compaction import CompactionStream, summary_request
from blueprints.api_v1.translation.responses_object import response_base
from blueprints.api_v1.translation.responses_over_chat import ResponsesOverChat
from blueprints.api_v1.translation.responses_tools import tool_table

BASE = response_base({}, response_id="resp_1", created_at=1_780_000_000, alias="smart-route")


def chunk(finish: str | None = None, **delta: object) -> bytes:
    """One chunk of a chat stream."""
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode()


@pytest.fixture
def failures() -> list[dict[str, Any]]:
    """The failed response objects that were told before their events."""
    return []


@pytest.fixture
def stream(failures: list[dict[str, Any]]) -> CompactionStream:
    """A stream over a chat upstream."""
    numbers = itertools.count(1)
    new_id: Callable[[str], str] = lambda prefix: f"{prefix}{next(numbers)}"  # noqa: E731
    inner = ResponsesOverChat(
        body={},
        tools=tool_table(None, []),
        response_id="resp_1",
        created_at=1_780_000_000,
        alias="smart-route",
        new_id=new_id,
        new_call_id=lambda: new_id("call_"),
        now=lambda: 1_780_000_001,
        seal=json.dumps,
    )
    return CompactionStream(
        inner,
        BASE,
        item_id="cmp_1",
        seal=lambda text: f"sealed {text}",
        now=lambda: 1_780_000_001,
        on_failure=failures.append,
    )


def told(out: bytes) -> list[dict[str, Any]]:
    """The events in some bytes."""
    lines = [line for line in out.decode().splitlines() if line.startswith("data: {")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def kinds(out: bytes) -> list[str]:
    """Their types."""
    return [event["type"] for event in told(out)]


def test_nothing_leaves_before_the_upstreams_first_output(stream: CompactionStream) -> None:
    assert stream.feed([chunk(role="assistant", content="")]) == b""
    assert not stream.has_output
    assert kinds(stream.feed([chunk(content="Mia")])) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
    ]
    assert stream.has_output
    assert stream.feed([chunk(content=" is a cat")]) == b""


def test_summary_is_in_the_finished_item_alone(stream: CompactionStream) -> None:
    out = stream.feed([chunk(content="Mia"), chunk(content=" is a cat"), chunk("stop"), b"[DONE]"])
    assert b"Mia" not in out
    done, completed = told(stream.finish())
    assert done["item"]["encrypted_content"] == "sealed Summary of the conversation so far:\n\nMia is a cat"
    assert completed["response"]["output"] == [done["item"]]
    assert completed["response"] == stream.final_object()
    assert [event["sequence_number"] for event in [*told(out), done, completed]] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("delta", [{"content": "  "}, {"refusal": "No."}, {"reasoning_content": "Hm."}])
def test_answer_without_a_summary_is_an_upstreams_failure(stream: CompactionStream, delta: dict[str, str]) -> None:
    stream.feed([chunk(**delta), chunk("stop"), b"[DONE]"])
    with pytest.raises(UpstreamError):
        stream.finish()


def test_stream_that_stops_in_the_middle_fails_without_an_item(
    stream: CompactionStream, failures: list[dict[str, Any]]
) -> None:
    stream.feed([chunk(content="Mia")])
    with pytest.raises(UpstreamIncomplete):
        stream.finish()
    out = stream.fail(UpstreamIncomplete())
    assert kinds(out) == ["error", "response.failed"]
    assert out.endswith(b"data: [DONE]\n\n")
    [failed] = failures
    assert told(out)[-1]["response"] == failed
    assert (failed["status"], failed["output"]) == ("failed", [])
    assert stream.fail(UpstreamIncomplete()) == stream.finish() == stream.stop() == b""


def test_cancelled_stream_ends_without_an_item(stream: CompactionStream, failures: list[dict[str, Any]]) -> None:
    stream.feed([chunk(content="Mia")])
    [last] = told(stream.stop())
    assert (last["type"], last["response"]["status"], last["response"]["output"]) == (
        "response.incomplete",
        "cancelled",
        [],
    )
    assert failures == []


def test_silence_is_bridged_by_the_beginning_and_then_by_keepalives(stream: CompactionStream) -> None:
    assert kinds(stream.keep_alive()) == ["response.created", "response.in_progress"]
    assert kinds(stream.keep_alive()) == ["keepalive"]
    assert kinds(stream.feed([chunk(content="Mia")])) == ["response.output_item.added"]


def test_wish_for_a_summary_comes_last_and_takes_the_answers_form_away() -> None:
    body = {
        "input": "hello",
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "tools": [{"type": "function", "name": "f"}],
        "tool_choice": "required",
        "include": ["message.output_text.logprobs"],
        "top_k": 5,
    }
    asked = summary_request(body)
    assert [item["role"] for item in asked["input"]] == ["user", "user"]
    assert asked["input"][0]["content"] == "hello"
    assert asked["text"] == {"verbosity": "low"}
    assert (asked["tool_choice"], asked["tools"], asked["top_k"]) == ("none", body["tools"], 5)
    assert "include" not in asked
