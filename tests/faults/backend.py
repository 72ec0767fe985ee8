"""What an upstream says in each of the two dialects.

Whatever is its own holds ``leak`` or ``BACKEND`` and must never reach a client; ``GOOD`` and ``BEGUN`` are content.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.translation.native_wire import completed, done, message, text_part

GOOD = "All is well."
BEGUN = "Once upon"

Event = dict[str, Any]

_NAMES = {"id": "leak-id", "created": 1, "model": "leak-model", "system_fingerprint": "fp_leak", "provider": "leak"}
_USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10, "leak_cost": 1}


@dataclass(frozen=True)
class Backend:
    """One dialect: the parts of a stream, each a list of events, and whole answers."""

    event: Callable[[Event], bytes]
    """An event as it stands in a stream."""
    opening: list[Event]
    """What comes before any output."""
    output: Callable[[str], list[Event]]
    """The first output."""
    idle: Event
    """An event without output, as it may come at any time."""
    ending: Callable[[str], list[Event]]
    """What ends an answer of which the given text was all."""
    terminator: bytes
    """Behind the last event."""
    error: list[Event]
    """How a failure is told inside an answer."""
    reasoning: list[Event]
    """Reasoning alone, and a normal end."""
    whole: Callable[[str], Event]
    """A whole answer."""
    whole_reasoning: Event
    """A whole answer of reasoning alone."""
    whole_failed: Event
    """A whole answer that was begun and failed."""
    without_choices: Event
    """A whole answer that holds none, and the event that does the same in a stream."""


def _chat_event(told: Event) -> bytes:
    return b"data: " + json.dumps(told).encode() + b"\n\n"


def _chunk(delta: Event, finish: str | None = None) -> Event:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "leak": "leak"}
    return {**_NAMES, "object": "chat.completion.chunk", "choices": [choice]}


def _completion(message: Event, finish: str = "stop") -> Event:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish, "leak": "leak"}
    return {**_NAMES, "object": "chat.completion", "choices": [choice], "usage": _USAGE}


_END = [_chunk({}, "stop"), {**_NAMES, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE}]
_ERROR = {"message": "leak: the backend broke", "type": "leak_error", "param": "leak", "code": "leak_code"}

chat_backend = Backend(
    event=_chat_event,
    opening=[_chunk({"role": "assistant", "content": ""})],
    output=lambda text: [_chunk({"content": text})],
    idle=_chunk({"content": ""}),
    ending=lambda _text: _END,
    terminator=b"data: [DONE]\n\n",
    error=[{"error": _ERROR}],
    reasoning=[_chunk({"role": "assistant", "content": ""}), _chunk({"reasoning_content": "Hm."}), *_END],
    whole=lambda text: _completion({"content": text}),
    whole_reasoning=_completion({"content": "", "reasoning_content": "Hm."}),
    whole_failed=_completion({"content": BEGUN}, "error"),
    without_choices={**_NAMES, "object": "chat.completion.chunk", "choices": []},
)


def _native_event(told: Event) -> bytes:
    return f"event: {told['type']}\ndata: {json.dumps(told)}\n\n".encode()


def _response(status: str, **more: Any) -> Event:
    return {"id": "leak-id", "object": "response", "model": "leak-model", "status": status, "output": [], **more}


def _message_item(text: str) -> Event:
    item: Event = done("message", 0, role="assistant", content=[text_part(text)])["item"]
    return item


def _reasoning_item() -> Event:
    content = [{"type": "reasoning_text", "text": "Hm."}]
    item: Event = done("reasoning", 0, summary=[], content=content)["item"]
    return item


native_backend = Backend(
    event=_native_event,
    opening=[{"type": "response.created", "response": _response("in_progress")}],
    output=lambda text: message(0, [text])[:3],
    idle={"type": "response.in_progress", "response": _response("in_progress")},
    ending=lambda text: [*message(0, [text])[3:], completed(_message_item(text))],
    terminator=b"",
    error=[
        {"type": "error", **_ERROR, "error": _ERROR},
        {"type": "response.failed", "response": _response("failed", error=_ERROR)},
    ],
    reasoning=[
        {"type": "response.output_item.added", "output_index": 0, "item": {**_reasoning_item(), "content": []}},
        {"type": "response.output_item.done", "output_index": 0, "item": _reasoning_item()},
        completed(_reasoning_item()),
    ],
    whole=lambda text: completed(_message_item(text))["response"],
    whole_reasoning=completed(_reasoning_item())["response"],
    whole_failed=_response("failed", error=_ERROR) | {"output": [_message_item(BEGUN)]},
    without_choices={"type": "response.in_progress", "response": _response("in_progress")},
)
