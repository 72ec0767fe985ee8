"""Token counts of a whole answer, estimated where the upstream told none."""

from __future__ import annotations

from typing import Any

from .exchange import Estimate
from .translation import chat_answer
from .translation.chat_answer import Tokens


def with_usage(answer: dict[str, Any], estimate: Estimate) -> tuple[dict[str, Any], Tokens]:
    """Return a chat answer, or a classic completion, with its ``usage`` and the counts in it."""
    counts = chat_answer.tokens(answer.get("usage"))
    if counts is None:
        counts = estimate(sum(_text_bytes(choice) for choice in answer["choices"]))
        answer["usage"] = {
            "prompt_tokens": counts.prompt,
            "completion_tokens": counts.completion,
            "total_tokens": counts.prompt + counts.completion,
        }
    return answer, counts


def _text_bytes(choice: dict[str, Any]) -> int:
    message = choice.get("message") or {}
    texts = [
        choice.get("text") or "",
        *(message.get(name) or "" for name in ("content", "reasoning_content", "refusal")),
    ]
    calls = [str(call) for call in message.get("tool_calls", [])]
    return sum(len(text.encode()) for text in texts + calls)
