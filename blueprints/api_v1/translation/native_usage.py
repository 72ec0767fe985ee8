"""Token counts in the words of the Responses API, and in those of Chat Completions. Pure.

Always integers, always with every inner key: Codex repeats a whole turn over ``1.0`` or a missing one.
"""

from __future__ import annotations

from typing import Any

from .chat_answer import Tokens, count


def tokens_told(told: object) -> Tokens | None:
    """Return the counts of a response object's ``usage``; None when it holds none."""
    if not isinstance(told, dict):
        return None
    prompt, completion = count(told.get("input_tokens")), count(told.get("output_tokens"))
    if prompt is None and completion is None:
        return None
    return Tokens(
        prompt=prompt or 0,
        completion=completion or 0,
        cached=_inner(told, "input_tokens_details", "cached_tokens"),
        reasoning=_inner(told, "output_tokens_details", "reasoning_tokens"),
    )


def native_usage(tokens: Tokens, told: object = None) -> dict[str, Any]:
    """Return a response object's ``usage``; ``told`` is the upstream's own, for what ``Tokens`` does not hold."""
    total = count(told.get("total_tokens")) if isinstance(told, dict) else None
    return {
        "input_tokens": tokens.prompt,
        "input_tokens_details": {
            "cached_tokens": tokens.cached,
            "cache_write_tokens": _inner(told, "input_tokens_details", "cache_write_tokens"),
        },
        "output_tokens": tokens.completion,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.prompt + tokens.completion if total is None else total,
    }


def chat_usage(tokens: Tokens, told: object = None) -> dict[str, Any]:
    """Return the same counts as a chat answer's ``usage``."""
    usage = native_usage(tokens, told)
    return {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "total_tokens": usage["total_tokens"],
        "prompt_tokens_details": usage["input_tokens_details"],
        "completion_tokens_details": usage["output_tokens_details"],
    }


def _inner(told: object, details: str, name: str) -> int:
    inner = told.get(details) if isinstance(told, dict) else None
    return (count(inner.get(name)) or 0) if isinstance(inner, dict) else 0
