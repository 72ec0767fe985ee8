"""Exchanges made by hand: what an answer would be if it had come so."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.exchange import Exchange

ALIAS = "smart-route"
USAGE = {"completion_tokens": 2}


def received(raw: bytes, step: int = 10**6) -> Exchange:
    """The exchange after ``raw`` has come in pieces of ``step`` bytes, the n-th at n seconds."""
    exchange = Exchange(0, 0.0, 0.0)
    for second, place in enumerate(range(0, len(raw), step)):
        exchange.take(raw[place : place + step], float(second))
    return exchange


def whole(**changes: object) -> Exchange:
    """A whole answer of two words."""
    choice = {"message": {"content": "w1 w2 "}, "finish_reason": "stop"}
    body = json.dumps({"model": ALIAS, "choices": [choice], "usage": USAGE, **changes}).encode()
    return received(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def chunk(delta: dict[str, str], finish: str | None = None, model: str = ALIAS) -> bytes:
    """One event of a chat stream."""
    return data({"model": model, "choices": [{"delta": delta, "finish_reason": finish}]})


def data(document: Any) -> bytes:
    """One event without a name."""
    return b"data: %b\n\n" % json.dumps(document).encode()


DONE = b"data: [DONE]\n\n"
CHAT = [
    chunk({"content": ""}),
    chunk({"content": "w1 "}),
    chunk({"content": "w2 "}),
    chunk({}, "stop"),
    data({"model": ALIAS, "choices": [], "usage": USAGE}),
    DONE,
]


def chunked(body: list[bytes]) -> bytes:
    """A streamed answer, each piece a chunk of HTTP."""
    pieces = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in body)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"


def responses(*, model: str = ALIAS, text: str = "w1 w2 ", tokens: int = 2) -> list[bytes]:
    """The events of a stream of the Responses API that answers with two words."""
    output = [{"type": "message", "content": [{"type": "output_text", "text": text}]}]
    begun = {"model": model, "status": "in_progress", "output": []}
    ended = {"model": model, "status": "completed", "output": output, "usage": {"output_tokens": tokens}}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added"},
        {"type": "response.content_part.added"},
        {"type": "response.output_text.delta", "delta": "w1 "},
        {"type": "response.output_text.delta", "delta": "w2 "},
        {"type": "response.output_text.done"},
        {"type": "response.content_part.done"},
        {"type": "response.output_item.done"},
        {"type": "response.completed", "response": ended},
    ]
    named = [
        b"event: %b\n%b" % (event["type"].encode(), data({**event, "sequence_number": number}))
        for number, event in enumerate(events)
    ]
    return [*named, DONE]
