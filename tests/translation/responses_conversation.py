"""Responses items as clients send them, and the chat messages that become of them."""

from __future__ import annotations

import json
from typing import Any

from blueprints.api_v1.translation.responses_capabilities import Capabilities
from blueprints.api_v1.translation.responses_request import Asked, read_request, to_upstream_chat

Item = dict[str, Any]


TEXT_PART = {"type": "input_text", "text": "one"}
IMAGE_PART = {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "original"}
CHAT_IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "high"}}


def opened(sealed: str) -> Item | None:
    """Stands for the gateway's seal: ours begins with ``sealed:``."""
    told = json.loads(sealed.removeprefix("sealed:")) if sealed.startswith("sealed:") else None
    return told if isinstance(told, dict) else None


def sealed(**kept: Any) -> str:
    return "sealed:" + json.dumps(kept)


def read(items: Any, *, history: list[Item] | None = None, stored: Any = None, **body: Any) -> Asked:
    return read_request({"input": items, **body}, history=history or [], open_sealed=opened, lookup=(stored or {}).get)


def sent(items: Any, *, can: Capabilities | None = None, **more: Any) -> dict[str, Any]:
    """The chat request that goes to an upstream."""
    return to_upstream_chat(
        read(items, **more),
        model="up",
        stream=False,
        effort=None,
        max_output_tokens=None,
        capabilities=can or Capabilities(),
        call_extras=lambda call_id: {"sig": 1} if call_id == "signed" else None,
    )


def messages(items: Any, **more: Any) -> list[Item]:
    found = sent(items, **more)["messages"]
    assert isinstance(found, list)
    return found


def user(text: str) -> Item:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def said(text: str) -> Item:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def call(call_id: str, name: str = "look", arguments: Any = "{}", **more: Any) -> Item:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments, **more}


def output(call_id: str, told: Any = "ok", kind: str = "function_call_output") -> Item:
    return {"type": kind, "call_id": call_id, "output": told}


def turn(*call_ids: str, content: str | None = None) -> Item:
    calls = [
        {"id": call_id, "type": "function", "function": {"name": "look", "arguments": "{}"}} for call_id in call_ids
    ]
    return {"role": "assistant", "content": content, "tool_calls": calls}


def tool(call_id: str, content: Any = "ok") -> Item:
    return {"role": "tool", "tool_call_id": call_id, "content": content}
