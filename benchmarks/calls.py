"""The requests of the loads, as bytes: the same body for every target, the headers that each wants."""

from __future__ import annotations

import base64
import json
from typing import Any

from benchmarks.targets import Target

CHAT, RESPONSES = PATHS = ("/v1/chat/completions", "/v1/responses")


def chat(target: Target, text: str, *, stream: bool = False, filler: str = "") -> bytes:
    """A chat request; ``filler`` is an earlier message, as in a conversation that has grown long."""
    before = [{"role": "user", "content": filler}, {"role": "assistant", "content": "Noted."}] if filler else []
    body: dict[str, Any] = {"model": target.model, "messages": [*before, {"role": "user", "content": text}]}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return request(target, CHAT, body)


def image(target: Target, text: str, picture: bytes) -> bytes:
    """A chat request that shows a picture."""
    url = "data:image/png;base64," + base64.b64encode(picture).decode()
    parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]
    return request(target, CHAT, {"model": target.model, "messages": [{"role": "user", "content": parts}]})


def responses(target: Target, text: str) -> bytes:
    """A streamed request of the Responses API, with nothing said that has a default."""
    return request(target, RESPONSES, {"model": target.model, "input": text, "stream": True})


def request(target: Target, path: str, body: dict[str, Any]) -> bytes:
    """Return head and body."""
    payload = json.dumps(body).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{target.port}",
        "Content-Type: application/json",
        f"Content-Length: {len(payload)}",
        *(f"{name}: {value}" for name, value in target.headers),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + payload
