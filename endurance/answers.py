"""What the bytes of an answer say: whether it is whole, its tokens, its alias, whether output had come. Pure."""

from __future__ import annotations

import json
from typing import Any

from endurance import seen

ENDS = ("response.completed", "response.incomplete")


def read_answer(noted: seen.Seen, body: bytes, *, is_whole: bool, is_stream: bool) -> list[dict[str, Any]]:
    """Complete what was noted by what the body says; return its JSON objects: one, or a stream's events.

    ``is_whole`` tells that the HTTP answer came to its end.
    """
    if is_stream:
        return _read_stream(noted, body, is_whole=is_whole)
    told = _parsed(body) if is_whole else None
    if told is None:
        return []
    if noted.status >= 300:
        noted.code = str((told.get("error") or {}).get("code") or "")
    else:
        noted.has_output = noted.kind != seen.UNCOUNTED
        _note(noted, told)
    return [told]


def _read_stream(noted: seen.Seen, body: bytes, *, is_whole: bool) -> list[dict[str, Any]]:
    events = [told for line in body.split(b"\n") if line.startswith(b"data: {") and (told := _parsed(line[6:]))]
    noted.has_output = any(map(_says_something, events))
    for event in events:
        _note(noted, event.get("response") or event)
        if event.get("type") == "response.failed":
            noted.code = str((event["response"].get("error") or {}).get("code") or "failed")
        elif (event.get("response") or {}).get("status") == "cancelled":
            noted.code = "cancelled"
        elif "error" in event:
            noted.code = str((event.get("error") or {}).get("code") or "error")
        elif event.get("type") == "error":
            noted.code = str(event.get("code") or "error")
    if is_whole and noted.how == seen.COMPLETE:
        has_end = body.endswith(b"data: [DONE]\n\n") or bool(events and events[-1].get("type") in ENDS)
        if noted.code or not has_end:
            noted.how = seen.BROKEN
    return events


def _note(noted: seen.Seen, told: dict[str, Any]) -> None:
    noted.model = str(told.get("model") or noted.model)
    usage = told.get("usage")
    if isinstance(usage, dict) and noted.kind != seen.UNCOUNTED:
        noted.prompt_tokens = usage.get("prompt_tokens", usage.get("input_tokens"))
        noted.completion_tokens = usage.get("completion_tokens", usage.get("output_tokens"))


def _says_something(event: dict[str, Any]) -> bool:
    kind = event.get("type", "")
    if kind:
        is_call = kind == "response.output_item.added" and str(event["item"].get("type")).endswith("_call")
        return is_call or (kind.endswith(".delta") and bool(event.get("delta")))
    for choice in event.get("choices") or []:
        delta = choice.get("delta") or {}
        if choice.get("text") or any(
            delta.get(each) for each in ("content", "reasoning_content", "refusal", "tool_calls")
        ):
            return True
    return False


def _parsed(data: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(data)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
