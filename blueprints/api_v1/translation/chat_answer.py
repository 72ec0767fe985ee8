"""Chat Completions answers and chunks as the client may see them.

Everything is built from lists of allowed keys: what an upstream adds of its own never passes. Pure: ids and
times are given, equal input gives equal output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from ..errors import UpstreamError

# Finish reasons of upstreams that are not OpenAI's, and what they mean.
FINISH_REASONS = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "function_call",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocked": "content_filter",
}
BROKEN_FINISHES = frozenset({"error", "abort"})

_USAGE_DETAILS = {
    "prompt_tokens_details": ("cached_tokens", "cache_write_tokens", "audio_tokens", "text_tokens", "image_tokens"),
    "completion_tokens_details": (
        "reasoning_tokens",
        "audio_tokens",
        "accepted_prediction_tokens",
        "rejected_prediction_tokens",
        "text_tokens",
    ),
}


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token counts of one request; ``estimated`` when the upstream told none."""

    prompt: int
    completion: int
    cached: int = 0
    reasoning: int = 0
    estimated: bool = False


def finish_reason(told: object, *, has_calls: bool) -> str:
    """Return one of the five reasons that clients know.

    Raises:
        UpstreamError: the upstream says that it broke off.
    """
    if told in BROKEN_FINISHES:
        raise UpstreamError(detail=f"finish_reason {told}")
    reason = FINISH_REASONS.get(str(told).lower(), "stop")
    return "tool_calls" if has_calls and reason == "stop" else reason


def usage(told: object) -> dict[str, Any] | None:
    """Return the allowed part of a usage object, all counts as integers; None when it holds no counts."""
    if not isinstance(told, dict):
        return None
    prompt, completion = _count(told.get("prompt_tokens")), _count(told.get("completion_tokens"))
    if prompt is None and completion is None:
        return None
    prompt, completion = prompt or 0, completion or 0
    total = _count(told.get("total_tokens"))
    shown: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion if total is None else total,
    }
    for name, keys in _USAGE_DETAILS.items():
        details = told.get(name)
        if isinstance(details, dict):
            allowed = {key: count for key in keys if (count := _count(details.get(key))) is not None}
            if allowed:
                shown[name] = allowed
    return shown


def tokens(shown: dict[str, Any] | None, told: object = None) -> Tokens | None:
    """Return the counts of an allowed usage object; ``told`` is the upstream's own, for its other names."""
    if shown is None:
        return None
    extra = told if isinstance(told, dict) else {}
    cached = shown.get("prompt_tokens_details", {}).get("cached_tokens")
    if cached is None:  # DeepSeek's name, then Anthropic's
        cached = _count(extra.get("prompt_cache_hit_tokens")) or _count(extra.get("cache_read_input_tokens"))
    return Tokens(
        prompt=shown["prompt_tokens"],
        completion=shown["completion_tokens"],
        cached=cached or 0,
        reasoning=shown.get("completion_tokens_details", {}).get("reasoning_tokens", 0),
    )


def chat_completion(
    told: object, *, alias: str, answer_id: str, created: int, new_call_id: Callable[[], str]
) -> dict[str, Any]:
    """Return a whole answer as the client may see it.

    Raises:
        UpstreamError: it is no chat completion, or one without a choice.
    """
    if not isinstance(told, dict) or told.get("error"):
        raise UpstreamError(detail=f"not a chat completion: {str(told)[:500]}")
    choices = told.get("choices")
    if not isinstance(choices, list) or not choices:
        raise UpstreamError(detail="an answer without choices")
    answer = {
        "id": answer_id,
        "object": "chat.completion",
        "created": created,
        "model": alias,
        "choices": [_choice(choice, place, new_call_id) for place, choice in enumerate(choices)],
    }
    shown = usage(told.get("usage"))
    if shown is not None:
        answer["usage"] = shown
    if isinstance(told.get("service_tier"), str):
        answer["service_tier"] = told["service_tier"]
    return answer


def error_in(chunk: object) -> str | None:
    """Return the text of an error that came with status 200, in any of the forms that upstreams use."""
    if isinstance(chunk, list) and chunk and isinstance(chunk[0], dict) and "error" in chunk[0]:
        return str(chunk[0]["error"])
    if not isinstance(chunk, dict):
        return f"not an object: {str(chunk)[:200]}"
    if chunk.get("error"):
        return str(chunk["error"])
    if chunk.get("object") == "error":
        return str(chunk.get("message", "unnamed error"))
    return None


def reasoning_of(message: dict[str, Any]) -> str:
    """Return the reasoning text of a message or delta, under whichever name it comes."""
    for name in ("reasoning_content", "reasoning"):
        text = message.get(name)
        if isinstance(text, str) and text:
            return text
    parts = message.get("content")
    if isinstance(parts, list):  # Mistral: a list with parts of type "thinking"
        return "".join(_thinking(part) for part in parts)
    return ""


def content_of(message: dict[str, Any]) -> str | None:
    """Return the text of a message or delta; None when it has none."""
    content = message.get("content")
    if isinstance(content, list):
        texts = [part.get("text", "") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        return "".join(texts) if texts else None
    return content if isinstance(content, str) else None


def arguments_text(arguments: object) -> str:
    """Return call arguments as the JSON text that clients expect; some upstreams send an object."""
    if isinstance(arguments, str):
        return arguments
    if arguments is None:
        return ""
    return orjson.dumps(arguments).decode()


def _choice(told: object, place: int, new_call_id: Callable[[], str]) -> dict[str, Any]:
    if not isinstance(told, dict) or not isinstance(told.get("message"), dict):
        raise UpstreamError(detail=f"a choice without a message: {str(told)[:500]}")
    message = told["message"]
    shown: dict[str, Any] = {"role": "assistant", "content": content_of(message), "refusal": None}
    if isinstance(message.get("refusal"), str):
        shown["refusal"] = message["refusal"]
    reasoning = reasoning_of(message)
    if reasoning:
        shown["reasoning_content"] = reasoning
    calls = [_call(call, new_call_id) for call in message.get("tool_calls") or [] if isinstance(call, dict)]
    if calls:
        shown["tool_calls"] = calls
    for name, kind in (("annotations", list), ("audio", dict), ("function_call", dict)):
        if isinstance(message.get(name), kind):
            shown[name] = message[name]
    index = told.get("index")
    return {
        "index": index if isinstance(index, int) else place,
        "message": shown,
        "logprobs": logprobs(told.get("logprobs")),
        "finish_reason": finish_reason(told.get("finish_reason"), has_calls=bool(calls)),
    }


def logprobs(told: object) -> dict[str, Any] | None:
    """Return the allowed part of a logprobs object."""
    if not isinstance(told, dict):
        return None
    return {"content": told.get("content"), "refusal": told.get("refusal")}


def _call(told: dict[str, Any], new_call_id: Callable[[], str]) -> dict[str, Any]:
    if told.get("type") == "custom" and isinstance(told.get("custom"), dict):
        custom = told["custom"]
        body = {"name": str(custom.get("name", "")), "input": arguments_text(custom.get("input"))}
        return {"id": new_call_id(), "type": "custom", "custom": body}
    function = told["function"] if isinstance(told.get("function"), dict) else {}
    body = {"name": str(function.get("name", "")), "arguments": arguments_text(function.get("arguments"))}
    return {"id": new_call_id(), "type": "function", "function": body}


def _thinking(part: object) -> str:
    if not isinstance(part, dict) or part.get("type") != "thinking":
        return ""
    inner = part.get("thinking")
    if isinstance(inner, list):
        return "".join(piece.get("text", "") for piece in inner if isinstance(piece, dict))
    return inner if isinstance(inner, str) else ""


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return max(0, int(value))
