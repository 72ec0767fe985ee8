"""A Responses machine with known ids and times, chat chunks to feed it with, and the official SDK to judge it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, get_args

import httpx2
import orjson
from openai import OpenAI
from openai.types.responses import ResponseStreamEvent

from blueprints.api_v1 import sse
from blueprints.api_v1.translation.chat_answer import Tokens
from blueprints.api_v1.translation.responses_over_chat import ResponsesOverChat
from blueprints.api_v1.translation.responses_tools import tool_table

STREAMS = Path(__file__).parent.parent / "fixtures" / "streams"
CREATED_AT = 1_790_000_000
COMPLETED_AT = 1_790_000_007
USAGE = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
TERMINAL = {"response.completed", "response.incomplete", "response.failed"}

Event = dict[str, Any]


def function(name: str, **more: Any) -> dict[str, Any]:
    """A function tool as a client sends it."""
    return {"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}, **more}


PATCH_TOOL = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edit files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "*** Begin Patch"'},
}
NAMESPACE = {
    "type": "namespace",
    "name": "mcp__files",
    "description": "Files of the project.",
    "tools": [function("read"), function("write")],
}


def machine(**body: Any) -> ResponsesOverChat:
    """A fresh machine for a request; its ids count from 0."""
    ids = count()
    return ResponsesOverChat(
        body={"model": "smart-route", "input": "Hi", **body},
        tools=tool_table(body.get("tools")),
        response_id="resp_1",
        created_at=CREATED_AT,
        alias="smart-route",
        new_id=lambda prefix: f"{prefix}{next(ids)}",
        new_call_id=lambda: f"call_{next(ids)}",
        now=lambda: COMPLETED_AT,
        seal=lambda kept: "sealed:" + json.dumps(kept),
    )


def no_tokens(output_bytes: int) -> Tokens:
    """An estimate that can be told from real counts."""
    return Tokens(prompt=1, completion=output_bytes, estimated=True)


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> bytes:
    """One chunk of the upstream with one choice."""
    choice: dict[str, Any] = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    if "logprobs" in more:
        choice["logprobs"] = more.pop("logprobs")
    told = {"id": "up", "object": "chat.completion.chunk", "created": 1, "model": "secret", "choices": [choice]}
    return orjson.dumps({**told, **more})


def text(*pieces: str) -> list[bytes]:
    return [chunk({"content": piece}) for piece in pieces]


def thought(*pieces: str) -> list[bytes]:
    return [chunk({"reasoning_content": piece}) for piece in pieces]


def call(index: int | None, *pieces: str, name: str | None = None, call_id: str | None = None) -> list[bytes]:
    """The deltas of one call: a first one that names it, then its arguments."""
    place = {} if index is None else {"index": index}
    first: dict[str, Any] = {**place, "type": "function", "function": {"name": name, "arguments": ""}}
    if call_id is not None:
        first["id"] = call_id
    deltas = [first] if name is not None else []
    deltas += [{**place, "function": {"arguments": piece}} for piece in pieces]
    return [chunk({"tool_calls": [delta]}) for delta in deltas]


def end(finish: str = "stop") -> list[bytes]:
    return [chunk(finish=finish), orjson.dumps({"choices": [], "usage": USAGE}), b"[DONE]"]


@dataclass
class Told:
    """What a client was sent."""

    raw: bytes
    machine: ResponsesOverChat
    events: list[Event] = field(init=False)

    def __post_init__(self) -> None:
        self.events = parsed(self.raw)

    @property
    def kinds(self) -> list[str]:
        """The types of the events, without their common beginning ``response.``."""
        return [event["type"].removeprefix("response.") for event in self.events]

    @property
    def final(self) -> dict[str, Any]:
        response = self.events[-1]["response"]
        assert isinstance(response, dict)
        return response

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == f"response.{kind}"]


def translate(chunks: list[bytes], **body: Any) -> Told:
    """Feed a whole stream, chunk by chunk, and end it."""
    translator = machine(**body)
    out = b"".join(translator.feed([data]) for data in chunks)
    return Told(out + translator.finish(), translator)


def checked(chunks: list[bytes], **body: Any) -> Told:
    """Translate, and have every rule checked that holds for every stream."""
    told = translate(chunks, **body)
    check_stream(told)
    return told


def parsed(raw: bytes) -> list[Event]:
    """Take events apart, holding them to the one framing that is allowed."""
    events = []
    *blocks, rest = raw.split(b"\n\n")
    assert rest == b""
    for block in blocks:
        if block == b"data: [DONE]":
            events.append({"type": "[DONE]"})
            continue
        name, data = block.split(b"\n")
        event = orjson.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        events.append(event)
    if events and events[-1]["type"] == "[DONE]":
        events.pop()
    assert all(event["type"] != "[DONE]" for event in events)
    return events


def check_stream(told: Told) -> None:
    """Hold a stream that has ended against everything that holds for all of them."""
    events = told.events
    assert told.raw.endswith(sse.DONE)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert [event["type"] for event in events if event["type"] in TERMINAL] == [events[-1]["type"]]
    for event in events:
        if event["type"] != "keepalive":
            validate(event)
    check_items(events)
    assert told.final == told.machine.final_object()
    assert told.final["output"] == told.machine.output_items()
    replay(told.raw)


def check_items(events: list[Event]) -> None:
    """Rebuild the output from the events, as a client does, and compare it with the last object."""
    items: dict[int, Event] = {}
    done: dict[int, Event] = {}
    for event in events:
        place: Any = event.get("output_index")
        if event["type"] == "response.output_item.added":
            assert place == len(items), "output_index is the next free number"
            items[place] = event["item"]
        elif event["type"] == "response.output_item.done":
            assert done.setdefault(place, event["item"]) is event["item"]
            assert told_apart(items[place]) == told_apart(event["item"])
        elif place is not None:
            assert event["item_id"] == items[place]["id"]
            assert place not in done, "nothing follows the end of an item"
    ids = [item["id"] for item in items.values()]
    call_ids = [item["call_id"] for item in items.values() if "call_id" in item]
    assert len(set(ids)) == len(ids)
    assert len(set(call_ids)) == len(call_ids)
    output = events[-1]["response"]["output"]
    if events[-1]["type"] != "response.failed":
        assert [done[place] for place in sorted(items)] == output
    assert [told_apart(item) for item in items.values()] == [told_apart(item) for item in output]
    assert [collected(events, place) for place in items] == [texts_in(item) for item in output]


def told_apart(item: Event) -> list[Any]:
    return [item.get(key) for key in ("id", "type", "call_id", "name", "namespace", "role")]


def collected(events: list[Event], place: int) -> list[str]:
    """Join the deltas of one item, part by part."""
    parts: dict[int, list[str]] = {}
    for event in events:
        if event.get("output_index") == place and event["type"].endswith(".delta"):
            inner = event["content_index"] if "content_index" in event else event.get("summary_index", 0)
            parts.setdefault(inner, []).append(event["delta"])
    return ["".join(pieces) for _, pieces in sorted(parts.items())]


def texts_in(item: Event) -> list[str]:
    parts = [*item.get("content", []), *item.get("summary", [])]
    texts = [part.get("text", part.get("refusal")) for part in parts]
    texts += [item[key] for key in ("arguments", "input") if item.get(key)]
    return texts


def validate(event: Event) -> None:
    """Hold one event against the SDK's own type, strictly: no missing key, no 1.0 for 1."""
    MODELS[event["type"]].model_validate_json(orjson.dumps(event), strict=True)


def replay(raw: bytes) -> list[Any]:
    """Read a stream through the official SDK, down to the object that it builds by itself."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=raw)

    transport = httpx2.MockTransport(answer)
    client = OpenAI(api_key="-", base_url="http://gateway", http_client=httpx2.Client(transport=transport))
    is_failed = b"event: error\n" in raw
    try:
        with client.responses.stream(model="smart-route", input="Hi") as stream:
            events = list(stream)
            if events[-1].type == "response.completed":
                final = stream.get_final_response()
                assert final.to_dict()["output"] == [item.to_dict() for item in events[-1].response.output]
    except Exception:
        if is_failed:  # the SDK raises the error that the stream tells
            return []
        raise
    return events


def _models() -> Iterator[tuple[str, Any]]:
    for model in get_args(get_args(ResponseStreamEvent)[0]):
        yield get_args(model.model_fields["type"].annotation)[0], model


MODELS = dict(_models())
