"""Recorded upstream streams, and what a client would make of a translated one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from blueprints.api_v1.sse import EventSplitter
from blueprints.api_v1.translation.chat_over_chat import ChatOverChat

STREAMS = Path(__file__).parents[1] / "fixtures" / "streams"
NAMES = sorted(path.name for path in STREAMS.glob("*.sse"))


def recorded(name: str) -> bytes:
    """The bytes of one recorded stream."""
    return (STREAMS / name).read_bytes()


def new_translator(*, include_usage: bool = False, **more: Any) -> ChatOverChat:
    """A translator whose ids are predictable."""
    numbers = count(1)
    return ChatOverChat(
        alias="smart-route",
        answer_id="chatcmpl-ours",
        created=1_800_000_000,
        include_usage=include_usage,
        new_call_id=lambda: f"call_ours{next(numbers)}",
        **more,
    )


def translated(pieces: Iterable[bytes], *, include_usage: bool = False) -> bytes:
    """The client's bytes for a whole stream that comes in these pieces."""
    translator = new_translator(include_usage=include_usage)
    splitter = EventSplitter()
    out = b"".join(translator.feed(splitter.feed(piece)) for piece in pieces)
    out += translator.feed(splitter.finish())
    return out + translator.finish()


@dataclass
class Said:
    """What one choice said."""

    content: str = ""
    reasoning: str = ""
    refusal: str = ""
    finish: str | None = None
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    ended: bool = False


def chunks_of(out: bytes) -> list[dict[str, Any]]:
    """The chunks of a client's stream; checks the framing and the end on the way."""
    *events, last, empty = out.split(b"\n\n")
    assert empty == b""
    assert last == b"data: [DONE]"
    assert all(event.startswith(b"data: {") and b"\n" not in event for event in events)
    return [json.loads(event[6:]) for event in events]


def said(out: bytes) -> dict[int, Said]:
    """Join a client's stream as SDKs do; fails on whatever they would stumble over."""
    choices: dict[int, Said] = {}
    for chunk in chunks_of(out):
        for told in chunk["choices"]:
            delta = told["delta"]
            is_first = told["index"] not in choices
            choice = choices.setdefault(told["index"], Said())
            assert (delta == {"role": "assistant", "content": ""}) == is_first
            assert not choice.ended, "something after the finish reason"
            choice.content += delta.get("content") or ""
            choice.reasoning += delta.get("reasoning_content") or ""
            choice.refusal += delta.get("refusal") or ""
            for call in delta.get("tool_calls", []):
                _join_call(choice.calls, call)
            if told["finish_reason"]:
                choice.finish = told["finish_reason"]
                choice.ended = True
    assert all(choice.ended for choice in choices.values())
    return choices


def _join_call(calls: dict[int, dict[str, str]], told: dict[str, Any]) -> None:
    index = told["index"]
    if index not in calls:
        assert index == len(calls), "calls are numbered 0, 1, 2"
        kind = told["type"]
        calls[index] = {"id": told["id"], "kind": kind, "name": told[kind]["name"], "text": ""}
        assert calls[index]["name"]
    else:
        assert not {"id", "type"} & told.keys(), "SDKs would join a repeated id to the first"
        assert "name" not in told[calls[index]["kind"]]
    kind = calls[index]["kind"]
    calls[index]["text"] += told[kind]["input" if kind == "custom" else "arguments"]
