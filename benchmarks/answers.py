"""What an answer says, looked at after the clock has stopped: is it whole, is it right, when came which word.

A benchmark of wrong answers is worthless, so every single one is read. A fault is *fatal* if the caller did not get
the answer (another status, a stream without its end, other text); the others are names of the upstream let through,
usage that lacks or differs, an event too many or too few. Smart Route may have neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from benchmarks.answers_responses import read_responses
from benchmarks.exchange import Exchange
from benchmarks.reading import Reading, parsed
from benchmarks.stream_events import BrokenAnswer, body_of, datas, events
from benchmarks.upstream_answers import UPSTREAM_MARK

WHOLE, STREAM, RESPONSES = "whole answer", "chat stream", "responses stream"
DONE = b"[DONE]"
NAME_LET_THROUGH = "upstream's name let through"
_WORD = re.compile(r"w(\d+)(?:@(\d+\.\d+))? ")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a right answer holds; ``kind`` is WHOLE, STREAM or RESPONSES."""

    words: int
    alias: str | None
    """The model name that the client must see; None where the upstream's own may be seen."""
    kind: str


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a paced stream: when it came, and when the upstream had it due."""

    came_at: float
    due_at: float


def check(exchange: Exchange, expected: Expected) -> Reading:
    """Read one answer."""
    raw = exchange.raw
    if exchange.is_broken:
        return Reading(0, fatal="connection closed before the end")
    if not raw.startswith(b"HTTP/1.1 200 "):
        return Reading(0, fatal=f"status {bytes(raw[9:12]).decode('latin-1')}")
    try:
        reading = _read(body_of(exchange), expected)
    except BrokenAnswer as error:
        return Reading(0, fatal=str(error))
    if expected.alias is not None and UPSTREAM_MARK in raw:
        return reading.but(NAME_LET_THROUGH)
    return reading


def words_of(exchange: Exchange, expected: Expected) -> list[Word]:
    """Return the words of a paced stream in order; none of an answer that is broken."""
    found = []
    try:
        for event in events(exchange):
            for _, due_at in _WORD.findall(_text_of(event.data, expected.kind)):
                found.append(Word(event.came_at, float(due_at)))
    except (BrokenAnswer, orjson.JSONDecodeError, ValueError):
        return []  # the ledger has it
    return found


def is_text(text: str, count: int) -> bool:
    """Whether a text is the upstream's, all of it and in order: ``w1 w2 …``, or with the times that words were due."""
    found = [int(number) for number, _ in _WORD.findall(text)]
    return found == list(range(1, count + 1)) and not _WORD.sub("", text)


@lru_cache(maxsize=8)  # relays give the same bytes again and again
def _read(body: bytes, expected: Expected) -> Reading:
    if expected.kind == WHOLE:
        return _read_whole(parsed(body), expected)
    if expected.kind == STREAM:
        return _read_stream(datas(body), expected)
    return read_responses(datas(body), expected.words, expected.alias, is_text)


def _read_whole(answer: Any, expected: Expected) -> Reading:
    try:
        model, text = answer["model"], answer["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return Reading(0, fatal="answer without model or text")
    if not is_text(text, expected.words):
        return Reading(0, fatal="other text than the upstream's")
    reading = Reading.of_usage(answer.get("usage"), "completion_tokens", expected.words)
    return reading if expected.alias in (None, model) else reading.but("model is not the alias")


def _read_stream(payloads: list[bytes], expected: Expected) -> Reading:
    if not payloads or payloads[-1] != DONE:
        return Reading(0, fatal="stream without [DONE]")
    text, finish, usage = [], None, None
    models = set()
    for data in payloads[:-1]:
        chunk = parsed(data)
        models.add(chunk.get("model"))
        for choice in chunk["choices"]:
            text.append(choice["delta"].get("content") or "")
            finish = choice.get("finish_reason") or finish
        usage = chunk.get("usage") or usage
    if not is_text("".join(text), expected.words) or finish != "stop":
        return Reading(0, fatal="other text or end than the upstream's")
    reading = Reading.of_usage(usage, "completion_tokens", expected.words)
    if len(payloads) != expected.words + 4:  # the role, each word, the finish reason, the usage, [DONE]
        reading = reading.but("stream with other events than the upstream's")
    if expected.alias is not None and models != {expected.alias}:
        reading = reading.but("model is not the alias")
    return reading


def _text_of(data: bytes, kind: str) -> str:
    if data == DONE:
        return ""
    event = orjson.loads(data)
    if kind == RESPONSES:
        return str(event.get("delta", "")) if event.get("type") == "response.output_text.delta" else ""
    return "".join(_contents(event))


def _contents(event: Any) -> Iterator[str]:
    return (choice["delta"].get("content") or "" for choice in event["choices"])
