"""Chat Completions answers and chunks as the client may see them.

Everything is built from lists of allowed keys: what an upstream adds of its own never passes. Pure: ids and
times are given, equal input gives equal output.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from msgspec import Struct

from ..errors import UpstreamError
from .upstream_errors import error_in_chunk, shape_of

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
_MOST_TOKENS = 2**31 - 1  # what the usage log can hold; nobody counts that far

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
_LOGPROB = ("token", "logprob", "bytes")
_EXTRAS = {"function_call": ("name", "arguments"), "audio": ("id", "data", "expires_at", "transcript")}
_CACHED = ("prompt_cache_hit_tokens", "cache_read_input_tokens")  # DeepSeek's name, Anthropic's


class Tokens(Struct, frozen=True):
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
    word = told.lower() if isinstance(told, str) else ""
    if word in BROKEN_FINISHES:
        raise UpstreamError(detail=f"finish_reason {word}")
    reason = FINISH_REASONS.get(word, "stop")
    return "tool_calls" if has_calls and reason == "stop" else reason


def usage(told: object) -> dict[str, Any] | None:
    """Return the allowed part of a usage object, all counts as integers; None when it holds no counts."""
    if not isinstance(told, dict):
        return None
    prompt, completion = count(told.get("prompt_tokens")), count(told.get("completion_tokens"))
    if prompt is None and completion is None:
        return None
    prompt, completion = prompt or 0, completion or 0
    total = count(told.get("total_tokens"))
    shown: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion if total is None else total,
    }
    for name, keys in _USAGE_DETAILS.items():
        details = told.get(name)
        if isinstance(details, dict):
            allowed = {key: number for key in keys if (number := count(details.get(key))) is not None}
            if allowed:
                shown[name] = allowed
    for name in _CACHED:
        cached = count(told.get(name))
        if cached is not None:
            shown.setdefault("prompt_tokens_details", {}).setdefault("cached_tokens", cached)
    return shown


def tokens(shown: dict[str, Any] | None) -> Tokens | None:
    """Return the counts of what ``usage`` returned."""
    if shown is None:
        return None
    return Tokens(
        prompt=shown["prompt_tokens"],
        completion=shown["completion_tokens"],
        cached=shown.get("prompt_tokens_details", {}).get("cached_tokens", 0),
        reasoning=shown.get("completion_tokens_details", {}).get("reasoning_tokens", 0),
    )


def count(value: object) -> int | None:
    """Return a token count as the usage log can hold it; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return min(max(0, int(value)), _MOST_TOKENS)


def chat_completion(
    told: object, *, alias: str, answer_id: str, created: int, new_call_id: Callable[[], str]
) -> dict[str, Any]:
    """Return a whole answer as the client may see it.

    Raises:
        GatewayError: it is no chat completion, or one without a choice.
    """
    trouble = error_in_chunk(told, param="messages")
    if trouble is not None:
        raise trouble
    assert isinstance(told, dict)  # noqa: S101  (anything else is trouble)
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
    if told.get("service_tier") is not None:
        answer["service_tier"] = "default"  # an upstream's own names for its tiers would tell who it is
    return answer


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
        parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
        return "".join(_text(part) for part in parts) if parts else None
    return content if isinstance(content, str) else None


def arguments_text(arguments: object) -> str:
    """Return call arguments as the JSON text that clients expect; some upstreams send an object.

    Raises:
        UpstreamError: it is nested so deeply that it cannot be written.
    """
    if isinstance(arguments, str):
        return arguments
    if arguments is None:
        return ""
    try:
        return orjson.dumps(arguments).decode()
    except orjson.JSONEncodeError as error:
        raise UpstreamError(detail="call arguments nested too deeply") from error


def _choice(told: object, place: int, new_call_id: Callable[[], str]) -> dict[str, Any]:
    if not isinstance(told, dict) or not isinstance(told.get("message"), dict):
        raise UpstreamError(detail=f"a choice without a message: {shape_of(told)}")
    message = told["message"]
    shown: dict[str, Any] = {"role": "assistant", "content": content_of(message), "refusal": None}
    if isinstance(message.get("refusal"), str):
        shown["refusal"] = message["refusal"]
    reasoning = reasoning_of(message)
    if reasoning:
        shown["reasoning_content"] = reasoning
    told_calls = message.get("tool_calls")
    calls = [_call(call, new_call_id) for call in listed(told_calls) if isinstance(call, dict)]
    if calls:
        shown["tool_calls"] = calls
    shown |= extras(message)
    index = told.get("index")
    return {
        "index": index if isinstance(index, int) and not isinstance(index, bool) else place,
        "message": shown,
        "logprobs": logprobs(told.get("logprobs")),
        "finish_reason": finish_reason(told.get("finish_reason"), has_calls=bool(calls)),
    }


def extras(message: dict[str, Any]) -> dict[str, Any]:
    """Return the rarer parts of a message or delta, each with its allowed keys alone."""
    shown: dict[str, Any] = {}
    for name, keys in _EXTRAS.items():
        told = message.get(name)
        if isinstance(told, dict) and (allowed := _only(told, keys)):
            shown[name] = allowed
    citations = [_citation(told) for told in listed(message.get("annotations")) if isinstance(told, dict)]
    if citations:
        shown["annotations"] = citations
    return shown


def logprobs(told: object) -> dict[str, Any] | None:
    """Return the allowed part of a logprobs object."""
    if not isinstance(told, dict):
        return None
    return {name: _tokens_told(told.get(name)) for name in ("content", "refusal")}


def listed(value: object) -> list[Any]:
    """Return a list as it is and anything else as an empty one."""
    return value if isinstance(value, list) else []


def _tokens_told(told: object) -> list[dict[str, Any]] | None:
    if not isinstance(told, list):
        return None
    shown = []
    for token in told:
        if isinstance(token, dict):
            entry = _only(token, _LOGPROB)
            entry["top_logprobs"] = [
                _only(other, _LOGPROB) for other in listed(token.get("top_logprobs")) if isinstance(other, dict)
            ]
            shown.append(entry)
    return shown


def _citation(told: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": "url_citation"}
    if isinstance(told.get("url_citation"), dict):
        shown["url_citation"] = _only(told["url_citation"], ("start_index", "end_index", "title", "url"))
    return shown


def _only(told: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: told[key] for key in keys if key in told}


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
        return "".join(_text(piece) for piece in inner if isinstance(piece, dict))
    return inner if isinstance(inner, str) else ""


def _text(part: dict[str, Any]) -> str:
    text = part.get("text")
    return text if isinstance(text, str) else ""
