"""Events of a Responses upstream for tests, and what a client must be able to read of the answer.

Whatever holds ``BACKEND`` is the upstream's own and must never reach a client.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import orjson
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from blueprints.api_v1.errors import GatewayError
from blueprints.api_v1.translation.native_responses import NativeResponses

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
Event = dict[str, Any]
USAGE = {
    "input_tokens": 7.0,
    "input_tokens_details": {"cached_tokens": 2, "cost": 1},
    "output_tokens": 5,
    "output_tokens_details": {},
    "cost": 0.1,
}


def translator(**more: Any) -> NativeResponses:
    numbers = itertools.count()

    def base_object(status: str) -> dict[str, Any]:
        return {
            "object": "response",
            "created_at": 1,
            "completed_at": 2 if status == "completed" else None,
            "model": "smart-route",
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }

    return NativeResponses(
        answer_id="resp_own",
        base_object=base_object,
        new_id=lambda prefix: f"{prefix}own{next(numbers)}",
        new_call_id=lambda: f"call_own{next(numbers)}",
        **more,
    )


def numbered(events: list[Event]) -> list[bytes]:
    """The upstream's events with its own numbers and a key that must not pass."""
    own = {"provider": "BACKEND"}
    return [
        orjson.dumps({**event, **own, "sequence_number": 10 + number, "obfuscation": "x" * (number % 7)})
        for number, event in enumerate(events)
    ]


def play(events: list[Event], *, into: NativeResponses | None = None) -> list[Event]:
    """All events that the client gets, each checked against the SDK's types and for its number."""
    stream = into or translator()
    return read(stream.feed(numbered(events)) + stream.finish())


def read(out: bytes) -> list[Event]:
    *blocks, end = out.split(b"\n\n")
    assert end == b""
    assert blocks.pop() == b"data: [DONE]"
    events = []
    for number, block in enumerate(blocks):
        name, _, data = block.partition(b"\n")
        event = orjson.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        assert event["sequence_number"] == number
        if event["type"] != "keepalive":
            EVENT.validate_python(event)
        events.append(event)
    assert b"BACKEND" not in out
    return events


def kinds(events: list[Event]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def accumulated(events: list[Event]) -> Any:
    """What the SDK's stream helper makes of the events."""
    state = ResponseStreamState(input_tools=omit, text_format=omit)
    for event in events:
        if event["type"] != "keepalive":
            state.handle_event(EVENT.validate_python(event))
    return state._completed_response


def added(kind: str, index: int, **more: Any) -> Event:
    item = {"id": f"BACKEND_{index}", "type": kind, "status": "in_progress", **more}
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(kind: str, index: int, **more: Any) -> Event:
    item = {"id": f"BACKEND_{index}", "type": kind, "status": "completed", **more}
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def of_item(kind: str, index: int, **more: Any) -> Event:
    return {"type": f"response.{kind}", "item_id": f"BACKEND_{index}", "output_index": index, **more}


def text_part(text: str = "") -> Event:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def message(index: int, pieces: list[str], *, kind: str = "output_text") -> list[Event]:
    whole = "".join(pieces)
    field = "refusal" if kind == "refusal" else "text"
    part = {"type": "refusal", "refusal": whole} if kind == "refusal" else text_part(whole)
    more: Event = {"logprobs": []} if kind == "output_text" else {}
    return [
        added("message", index, role="assistant", content=[]),
        of_item("content_part.added", index, content_index=0, part={**part, field: ""}),
        *(of_item(f"{kind}.delta", index, content_index=0, delta=piece, **more) for piece in pieces),
        of_item(f"{kind}.done", index, content_index=0, **{field: whole}, **more),
        of_item("content_part.done", index, content_index=0, part=part),
        done("message", index, role="assistant", content=[part]),
    ]


def call(index: int, name: str, pieces: list[str], *, call_id: str = "BACKEND_call") -> list[list[Event]]:
    whole = "".join(pieces)
    same = {"call_id": call_id, "name": name}
    return [
        [added("function_call", index, **same, arguments="")],
        [of_item("function_call_arguments.delta", index, delta=piece) for piece in pieces],
        [
            of_item("function_call_arguments.done", index, arguments=whole),
            done("function_call", index, **same, arguments=whole),
        ],
    ]


def completed(*items: Event, **more: Any) -> Event:
    response = {"id": "BACKEND", "model": "BACKEND", "status": "completed", "output": list(items), "usage": USAGE}
    return {"type": "response.completed", "response": {**response, **more}}


BEGIN: list[Event] = [
    {"type": "response.created", "response": {"id": "BACKEND"}},
    {"type": "response.in_progress", "response": {"id": "BACKEND"}},
]
REASONING: list[Event] = [
    added("reasoning", 0, summary=[]),
    of_item("reasoning_summary_part.added", 0, summary_index=0, part={"type": "summary_text", "text": ""}),
    of_item("reasoning_summary_text.delta", 0, summary_index=0, delta="hm "),
    of_item("reasoning_summary_text.delta", 0, summary_index=0, delta="yes"),
    of_item("reasoning_summary_text.done", 0, summary_index=0, text="hm yes"),
    of_item("reasoning_summary_part.done", 0, summary_index=0, part={"type": "summary_text", "text": "hm yes"}),
    done("reasoning", 0, summary=[{"type": "summary_text", "text": "hm yes"}], encrypted_content="BACKEND sealed"),
]
CUSTOM: list[Event] = [
    added("custom_tool_call", 4, call_id="BACKEND_c", name="apply_patch", input=""),
    of_item("custom_tool_call_input.delta", 4, delta="*** Begin Patch\n"),
    of_item("custom_tool_call_input.delta", 4, delta="*** End Patch\n"),
    of_item("custom_tool_call_input.done", 4, input="*** Begin Patch\n*** End Patch\n"),
    done("custom_tool_call", 4, call_id="BACKEND_c", name="apply_patch", input="*** Begin Patch\n*** End Patch\n"),
]


def everything() -> list[Event]:
    first, second = call(2, "look", ['{"a":', "1}"]), call(3, "see", ['{"b":', '"é \\" \u2028"}'])
    interleaved = [event for one, other in zip(first[1], second[1], strict=True) for event in (one, other)]
    return [
        *BEGIN,
        *REASONING,
        *message(1, ["Hello ", 'w\\"ö', "rld\u2028", " and", " on", " and", " on"]),
        *first[0],
        *second[0],
        *interleaved,
        *first[2],
        *second[2],
        *CUSTOM,
        completed(),
    ]


def read_tail(out: bytes) -> Event:
    event: Event = orjson.loads(out.split(b"\n\n")[-3].partition(b"data: ")[2])
    return event


def ending(finish: Callable[[], bytes], stream: NativeResponses) -> bytes:
    try:
        return finish()
    except GatewayError as error:
        return stream.fail(error)
