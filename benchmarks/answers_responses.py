"""A stream of the Responses API, held against what the chat stream behind it said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.reading import Reading, parsed

BEGINNING = ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"]
DELTA = "response.output_text.delta"
ENDING = [
    "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed",
]  # fmt: skip


def read_responses(
    payloads: list[bytes], words: int, alias: str | None, is_text: Callable[[str, int], bool]
) -> Reading:
    """Read the events of one answer of ``words`` words; ``[DONE]`` follows the last one."""
    is_done = payloads[-1:] == [b"[DONE]"]
    events = [parsed(data) for data in (payloads[:-1] if is_done else payloads)]
    if not events or events[-1].get("type") != ENDING[-1]:
        return Reading(0, fatal="stream without response.completed")
    text = "".join(event["delta"] for event in events if event.get("type") == DELTA)
    response = events[-1].get("response") or {}
    if not is_text(text, words) or _whole_text(response) != text:
        return Reading(0, fatal="other text than the upstream's")
    reading = Reading.of_usage(response.get("usage"), "output_tokens", words)
    if not is_done:
        reading = reading.but("stream without [DONE]")
    if [event.get("type") for event in events] != [*BEGINNING, *[DELTA] * words, *ENDING]:
        reading = reading.but("stream with other events than the answer has")
    if [event.get("sequence_number") for event in events] != list(range(len(events))):
        reading = reading.but("events that are not numbered")
    if alias is not None and {each.get("model") for each in _responses(events)} != {alias}:
        reading = reading.but("model is not the alias")
    return reading


def _responses(events: list[Any]) -> list[dict[str, Any]]:
    return [event["response"] for event in events if "response" in event]


def _whole_text(response: dict[str, Any]) -> str:
    parts = [part for item in response.get("output", ()) for part in item.get("content", ())]
    return "".join(part.get("text", "") for part in parts)
