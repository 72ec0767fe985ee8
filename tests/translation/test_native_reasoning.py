"""Where a Responses client sees the reasoning of a Responses upstream: as a summary where it asked for one."""

from __future__ import annotations

from typing import Any

import pytest

from blueprints.api_v1.translation.native_template import Templates
from tests.translation.native_wire import (
    REASONING,
    Event,
    accumulated,
    added,
    completed,
    done,
    kinds,
    message,
    of_item,
    play,
    translator,
)

THOUGHT = ["hm ", "well ", "then ", "yes"]
SUMMARY_PART = {"type": "summary_text", "text": "hm well then yes"}


def reasoning_part(text: str) -> Event:
    return {"type": "reasoning_text", "text": text}


def thoughts(event: str = "reasoning_text") -> list[Event]:
    """A reasoning item whose own text is streamed."""
    whole = "".join(THOUGHT)
    return [
        added("reasoning", 0, summary=[]),
        of_item("content_part.added", 0, content_index=0, part=reasoning_part("")),
        *(of_item(f"{event}.delta", 0, content_index=0, delta=piece) for piece in THOUGHT),
        of_item(f"{event}.done", 0, content_index=0, text=whole),
        of_item("content_part.done", 0, content_index=0, part=reasoning_part(whole)),
        done("reasoning", 0, summary=[], content=[reasoning_part(whole)]),
    ]


def item_of(events: list[Event]) -> Any:
    """The reasoning of a finished response, but for its id."""
    item = events[-1]["response"]["output"][0]
    return {key: value for key, value in item.items() if key != "id"}


@pytest.mark.parametrize("event", ["reasoning_text", "reasoning"])
def test_reasoning_text_is_streamed_as_the_summary_that_was_asked_for(event: str) -> None:
    events = play([*thoughts(event), *message(1, ["a"]), completed()], into=translator(as_summary=True))
    told = [event for event in events if event.get("output_index") == 0]
    part = {"summary_index": 0}
    assert kinds(told) == [
        "output_item.added",
        "reasoning_summary_part.added",
        *["reasoning_summary_text.delta"] * 4,
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    assert all(part.items() <= event.items() for event in told[1:-1])
    assert "".join(event["delta"] for event in told[2:6]) == told[6]["text"] == SUMMARY_PART["text"]
    assert item_of(events) == {"type": "reasoning", "summary": [SUMMARY_PART]}
    assert accumulated(events).output[0].summary[0].text == SUMMARY_PART["text"]


def test_whole_answer_shows_what_the_stream_does() -> None:
    items = [thoughts()[-1]["item"], message(1, ["a"])[-1]["item"]]
    streamed = play([*thoughts(), *message(1, ["a"]), completed()], into=translator(as_summary=True))
    whole = translator(as_summary=True).whole(completed(*items)["response"])
    for item in (*whole["output"], *streamed[-1]["response"]["output"]):
        del item["id"]
    assert whole["output"] == streamed[-1]["response"]["output"]


@pytest.mark.parametrize("events", [[], [thoughts()[0], thoughts()[-1]], thoughts()[1:-3]])
def test_reasoning_text_that_came_late_or_without_its_frame_is_a_summary_too(events: list[Event]) -> None:
    told = thoughts()[-1]["item"]
    assert item_of(play([*events, completed(told)], into=translator(as_summary=True)))["summary"] == [SUMMARY_PART]


def test_pieces_of_a_summary_are_taken_over_unparsed(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = play([*thoughts(), completed()], into=translator(as_summary=True))
    monkeypatch.setattr(Templates, "match", lambda self, data: None)
    assert play([*thoughts(), completed()], into=translator(as_summary=True)) == fast


def test_summary_of_the_upstream_itself_is_the_only_one() -> None:
    summary, text = REASONING[:-1], thoughts()[1:-1]
    end = done("reasoning", 0, summary=REASONING[-1]["item"]["summary"], content=thoughts()[-1]["item"]["content"])
    own = {"type": "summary_text", "text": "hm yes"}
    told = play([*summary, *text, end, completed()], into=translator(as_summary=True))
    assert item_of(told) == {"type": "reasoning", "summary": [own]}
    assert translator(as_summary=True).whole(completed(end["item"])["response"])["output"][0]["summary"] == [own]


def test_empty_summary_does_not_hide_the_text() -> None:
    told = play([*REASONING[:2], *thoughts()[1:], completed()], into=translator(as_summary=True))
    assert [part["text"] for part in item_of(told)["summary"]] == ["", SUMMARY_PART["text"]]


def test_reasoning_text_stays_what_it_is_where_no_summary_was_asked_for() -> None:
    told = play([*thoughts(), completed()])
    assert item_of(told) == {"type": "reasoning", "summary": [], "content": [reasoning_part(SUMMARY_PART["text"])]}
