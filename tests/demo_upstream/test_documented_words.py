"""docs/demo-upstream.md is true: every trigger word is in its table, and every example does what it says."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from demo_upstream.triggers import ALL_WORDS
from tests.demo_upstream.conftest import Ask, Reply

PAGE = Path(__file__).resolve().parents[2] / "docs" / "demo-upstream.md"
ROW = re.compile(r"^\| `([a-z0-9-]+)` \| (.+) \| `(\[\[.+\]\])` \|$", re.MULTILINE)
EXAMPLES = {word: example for word, _, example in ROW.findall(PAGE.read_text())}
ALL_EVENTS = 14  # of the answer to a prompt without text: role, 11 words, finish, [DONE]

CHECKS: dict[str, Callable[[Reply], object]] = {
    "help": lambda r: "retry-after" in r.text,
    "reply": lambda r: r.text == "Good morning",
    "repeat": lambda r: r.text == "ha ha ha",
    "tokens": lambda r: [d["content"] for d in r.deltas[1:-1]] == ["w1 ", "w2 ", "w3 ", "w4 ", "w5 "],
    "bytes": lambda r: [len(d["content"]) for d in r.deltas[1:-1]] == [100_000],
    "echo": lambda r: json.loads(r.text)["body"]["model"] == "demo-model" and "host" in r.text,
    "no-text": lambda r: r.text == "" and len(r.chunks) == 2,
    "reasoning": lambda r: "".join(d.get("reasoning_content", "") for d in r.deltas) == "I add the two",
    "reasoning-as": lambda r: "".join(d.get("reasoning", "") for d in r.deltas) == "Hm",
    "refusal": lambda r: "".join(d.get("refusal", "") for d in r.deltas) == "I would rather not",
    "finish": lambda r: r.chunks[-1]["choices"][0]["finish_reason"] == "length",
    "usage": lambda r: all(chunk["usage"]["total_tokens"] for chunk in r.chunks),
    "tool": lambda r: "".join(c["function"]["arguments"] for c in r.calls) == '{"city": "Paris"}',
    "custom": lambda r: "".join(c["custom"].get("input", "") for c in r.calls) == "*** Begin Patch\n",
    "say": lambda r: r.text == "Let me look." and r.calls[0]["function"]["name"] == "look",
    "then": lambda r: [c["function"]["name"] for c in r.calls if "id" in c] == ["first"],
    "interleave": lambda r: [c["index"] for c in r.calls] == [0, 1, 0, 1, 0, 1],
    "odd": lambda r: "name" not in r.calls[0]["function"] and r.calls[-1]["function"] == {"name": "f"},
    "delay": lambda r: r.first_s >= 0.3,
    "wait": lambda r: r.first_s < 0.3 <= r.body_s,
    "silence": lambda r: r.body_s < 0.3 <= r.took_s and r.text,
    "keepalive": lambda r: r.body.count(b"\n\n: demo-backend keep-alive\n\n") == 1,
    "pace": lambda r: r.took_s >= 0.02 * (ALL_EVENTS - 2),
    "burst": lambda r: len(r.payloads) == ALL_EVENTS and r.ended,
    "status": lambda r: r.status == 500 and b"demo-backend-secret" in r.body,
    "body": lambda r: r.status == 400 and b"maximum context length is 8192 tokens" in r.body,
    "retry-after": lambda r: r.status == 429 and r.header("retry-after") == "7",
    "code": lambda r: json.loads(r.body)["error"]["code"] == "bad_thing",
    "param": lambda r: json.loads(r.body)["error"]["param"] == "temperature",
    "message": lambda r: json.loads(r.body)["error"]["message"] == "No such luck",
    "header": lambda r: r.header("x-more") == "some value" and r.text,
    "content-type": lambda r: r.header("content-type") == "text/plain" and r.text,
    "reset": lambda r: r.reset and not r.ended,
    "cut": lambda r: r.ended and len(r.payloads) == 3 and r.chunks[2]["choices"][0]["delta"],
    "drop": lambda r: not r.ended and not r.reset and len(r.payloads) == 3,
    "close": lambda r: r.ended,
    "stream-error": lambda r: "error" in json.loads(r.payloads[3]) and r.payloads[4:] == ["[DONE]"],
    "no-done": lambda r: r.ended and b"[DONE]" not in r.body and len(r.payloads) == ALL_EVENTS - 1,
    "frame": lambda r: r.body.count(b"data:{") == ALL_EVENTS - 1 and r.body.count(b"\r\n\r\n") == ALL_EVENTS,
    "write": lambda r: any(part.endswith(b"gr\xc3") for part in r.parts) and r.text == "grün",
    "unchunked": lambda r: r.header("content-length") is r.header("transfer-encoding") is None and r.text,
    "gzip": lambda r: zlib.decompress(r.body, 31).endswith(b"data: [DONE]\n\n"),
    "bad-json": lambda r: r.payloads[2].endswith("demo-backend-secret"),
    "bad-utf8": lambda r: b"\xff\xfe\xc3" in r.body,
    "long-line": lambda r: b"x" * 2**20 + b"\n\n" in r.body,
    "endless": lambda r: not r.ended and r.body.count(b'"content":" more"') > 100,
    "only": lambda r: r.status == 503,
}


def test_table_lists_every_trigger_word_and_no_other() -> None:
    assert sorted(EXAMPLES) == sorted(ALL_WORDS) == sorted(CHECKS)


@pytest.mark.parametrize("word", sorted(EXAMPLES))
def test_example_does_what_the_page_says(word: str, ask: Ask) -> None:
    reply = ask(EXAMPLES[word], enough=200_000 if word == "endless" else 10**9)
    assert CHECKS[word](reply), reply.head + "\n" + reply.body[:1000].decode("utf-8", "replace")


@pytest.mark.parametrize("word", sorted(set(EXAMPLES) - {"endless"}))
def test_example_is_understood_by_both_protocols_whole_and_streamed(word: str, ask: Ask, ask_responses: Ask) -> None:
    for send, stream in ((ask, False), (ask_responses, False), (ask_responses, True)):
        reply = send(EXAMPLES[word], stream=stream)
        assert reply.reset or "Server: demo-backend" in reply.head  # a fault of its own has no such header
        assert b"bad_trigger_word" not in reply.body
