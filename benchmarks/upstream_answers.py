"""What the benchmarks' upstream says, made into bytes once: a whole answer, a stream in one piece, a stream in steps.

A request asks by a word in its text: ``[[json 20]]`` (20 words), ``[[burst 200]]`` (200 words, an event each, without
a pause), ``[[paced 30 25]]`` (the same, 25 ms apart). Everything is in the shape of OpenAI's chat completions, each
event a chunk of HTTP. The words are ``w1 w2 …``; paced ones also tell when they were due, by this machine's monotonic
clock (``w1@12345.678901 ``), so that their delay can be told from the answer alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

UPSTREAM_MARK = b"bench-backend"  # in everything that the upstream says of itself: no alias may let it through
MODEL = "bench-backend-1"
PROMPT_TOKENS = 9
MARK_OPENS, MARK_ENDS = b"[[", b"]]"
LAST_CHUNK = b"0\r\n\r\n"

_FRAME = {"id": "chatcmpl-bench-backend-7", "created": 1_760_000_000, "model": MODEL}
_ABOUT = {"system_fingerprint": "fp_bench-backend", "service_tier": "default"}
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\nx-served-by: bench-backend\r\n\r\n"
)
_PLACE = "\ue000"  # stands for the text while the bytes around it are made


class UnknownMark(Exception):
    """A request asks for nothing that this upstream knows."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Bytes to send at once."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Paced:
    """A stream in steps: the role and the first word at once, each further word ``gap_s`` later, then the end."""

    words: int
    gap_s: float

    def step(self, number: int, due_at: float) -> bytes:
        """Return what to send for word ``number`` (from 1); the one after the last is the end."""
        if number > self.words:
            return _end(self.words)
        word = chunk(_BEFORE + b"w%d@%.6f " % (number, due_at) + _AFTER)
        return _STREAM_HEAD + _ROLE + word if number == 1 else word


def answer_of(mark: bytes) -> Whole | Paced:
    """Make the answer that a mark (without its brackets) asks for. Raises UnknownMark."""
    match mark.split():
        case [b"json", words]:
            return Whole(_whole(int(words)))
        case [b"burst", words]:
            return Whole(_burst(int(words)))
        case [b"paced", words, gap_ms]:
            return Paced(int(words), int(gap_ms) / 1000)
    raise UnknownMark(mark.decode("latin-1"))


def refusal(text: str) -> bytes:
    """Return an answer with status 400 that says what is wrong with a request."""
    return _with_length(b"400 Bad Request", {"error": {"message": text, "type": "invalid_request_error"}})


def models() -> bytes:
    """Return the list of models, for gateways that look at it."""
    return _with_length(b"200 OK", {"object": "list", "data": [{"id": MODEL, "object": "model"}]})


def chunk(data: bytes) -> bytes:
    """Return a chunk of HTTP."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _usage(words: int) -> dict[str, Any]:
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": words,
        "total_tokens": PROMPT_TOKENS + words,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _whole(words: int) -> bytes:
    text = "".join(f"w{number} " for number in range(1, words + 1))
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    answer = {**_FRAME, "object": "chat.completion", "choices": [choice], "usage": _usage(words), **_ABOUT}
    return _with_length(b"200 OK", answer)


def _with_length(status: bytes, document: dict[str, Any]) -> bytes:
    body = _dumped(document)
    head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + body


def _burst(words: int) -> bytes:
    texts = [chunk(_BEFORE + b"w%d " % number + _AFTER) for number in range(1, words + 1)]
    return b"".join([_STREAM_HEAD, _ROLE, *texts, _end(words)])


@lru_cache(maxsize=64)
def _end(words: int) -> bytes:
    usage = _event([], _usage(words))
    return chunk(_event([_delta({}, "stop")])) + chunk(usage) + chunk(b"data: [DONE]\n\n") + LAST_CHUNK


def _event(choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
    document = {**_FRAME, "object": "chat.completion.chunk", "choices": choices, **_ABOUT, "usage": usage}
    return b"data: " + _dumped(document) + b"\n\n"


def _delta(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _dumped(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


_ROLE = chunk(_event([_delta({"role": "assistant", "content": ""})]))
_BEFORE, _AFTER = _event([_delta({"content": _PLACE})]).split(_PLACE.encode())
