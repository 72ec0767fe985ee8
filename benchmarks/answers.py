"""What an answer says, looked at after the clock has stopped: is it whole, is it right, when came which event.

A benchmark of wrong answers is worthless, so every single one is read.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

import orjson

from benchmarks.load import Exchange

# In everything that the demo upstream says of itself: its model names, ids, headers, vendor keys.
UPSTREAM_MARK = b"demo-"
_DONE = b"[DONE]"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a right answer holds."""

    words: int
    alias: str | None
    """The model name that the client must see; None where the upstream's own may be seen."""
    is_stream: bool

    @property
    def text(self) -> str:
        """The text that the demo upstream gives for ``[[tokens N]]``."""
        return "".join(f"w{number} " for number in range(1, self.words + 1))

    @property
    def events(self) -> int:
        """Events of a stream: the role, each word, the finish reason, the usage; without ``[DONE]``."""
        return self.words + 3


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream: its data and when its last byte came."""

    data: bytes
    came_at: float


class Wrong(Exception):
    """An answer is not what it should be; the text says in which way, in few words (answers are counted by it)."""


def check(exchange: Exchange, expected: Expected) -> int:
    """Read one answer; return the completion tokens that it tells. Raises Wrong."""
    if exchange.is_broken:
        raise Wrong("connection closed before the end")
    raw = exchange.raw
    if not raw.startswith(b"HTTP/1.1 200 "):
        raise Wrong(f"status {bytes(raw[9:12]).decode('latin-1')}")
    if expected.alias is not None and UPSTREAM_MARK in raw:
        raise Wrong("upstream's name let through")
    if expected.is_stream:
        return _check_stream([event.data for event in events(exchange)], expected)
    body = bytes(raw[exchange.body_at :]) if exchange.size is not None else _dechunk(exchange)[0]
    return _check_whole(_parsed(body), expected)


def events(exchange: Exchange) -> list[Event]:
    """Cut a chunked stream into its events. Raises Wrong."""
    payload, places = _dechunk(exchange)
    starts = [start for start, _ in places]
    sizes = [size for _, size in exchange.arrivals]
    found = []
    place = 0
    while (end := payload.find(b"\n\n", place)) >= 0:
        event, last_byte = payload[place:end], end + 1
        place = end + 2
        if not event.startswith(b"data: "):
            if event.startswith(b":"):
                continue  # a comment
            raise Wrong("stream with a line that is no data")
        chunk = bisect_left(starts, last_byte + 1) - 1
        raw_place = places[chunk][1] + last_byte - starts[chunk]
        came_at = exchange.arrivals[bisect_left(sizes, raw_place + 1)][0]
        found.append(Event(event[6:], came_at))
    if place != len(payload):
        raise Wrong("stream that ends inside an event")
    return found


def _check_whole(answer: Any, expected: Expected) -> int:
    try:
        model, text = answer["model"], answer["choices"][0]["message"]["content"]
        tokens: int = answer["usage"]["completion_tokens"]
    except (KeyError, IndexError, TypeError) as error:
        raise Wrong("answer without model, text or usage") from error
    if expected.alias is not None and model != expected.alias:
        raise Wrong("model is not the alias")
    if text != expected.text or tokens != expected.words:
        raise Wrong("other text or usage than the upstream's")
    return tokens


def _check_stream(datas: list[bytes], expected: Expected) -> int:
    if not datas or datas[-1] != _DONE:
        raise Wrong("stream without [DONE]")
    if len(datas) != expected.events + 1:
        raise Wrong("stream with other events than the upstream's")
    text, finish, tokens = [], None, None
    for data in datas[:-1]:
        chunk = _parsed(data)
        if expected.alias is not None and chunk.get("model") != expected.alias:
            raise Wrong("model is not the alias")
        for choice in chunk["choices"]:
            text.append(choice["delta"].get("content") or "")
            finish = choice["finish_reason"] or finish
        if chunk.get("usage"):
            tokens = chunk["usage"]["completion_tokens"]
    if "".join(text) != expected.text or finish != "stop" or tokens != expected.words:
        raise Wrong("other text or usage than the upstream's")
    return tokens


def _parsed(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Wrong("broken JSON") from error


def _dechunk(exchange: Exchange) -> tuple[bytes, list[tuple[int, int]]]:
    """Return the body, and for each chunk where it begins in the body and in the raw bytes. Raises Wrong."""
    raw = exchange.raw
    place, length = exchange.body_at, 0
    pieces: list[bytes] = []
    places: list[tuple[int, int]] = []
    while True:
        line_end = raw.find(b"\r\n", place)
        try:
            size = int(raw[place:line_end], 16)
        except ValueError as error:
            raise Wrong("broken chunks") from error
        if size == 0:
            return b"".join(pieces), places
        start = line_end + 2
        pieces.append(bytes(raw[start : start + size]))
        places.append((length, start))
        length += size
        place = start + size + 2
