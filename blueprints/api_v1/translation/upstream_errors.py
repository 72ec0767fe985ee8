"""What upstreams of every dialect say of a failure, and which of our errors it is. Pure.

It knows their words in chunks, in events and in whole answers; of a refusal before any answer (HTTP 400 and
the like) only how it says that a prompt does not fit. What else a refusal says ``upstream`` reads beside its status.
"""

from __future__ import annotations

import math
import re

from ..errors import (
    RETRY_SHORTLY_S,
    ContextTooLong,
    GatewayError,
    UpstreamBusy,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamRefused,
)

# Codes that coding agents act on when a response fails; every other failure is one that they may simply repeat.
TOLD_CODES = frozenset(
    {
        "context_length_exceeded",
        "insufficient_quota",
        "invalid_prompt",
        "model_not_found",
        "rate_limit_exceeded",
        "server_is_overloaded",
    }
)

# How upstreams say that a prompt does not fit, in lower case.
_CONTEXT_PHRASES = (
    "context_length_exceeded",
    "maximum context length",
    "context window",
    "prompt is too long",
    "exceeds the available context size",
    "greater than the context length",
    "input is too long",
    "reduce the length",
    "too large for model with",
    "exceeded model token limit",
    "context length is only",
)
_BUSY = frozenset({"rate_limit_exceeded", "rate_limit_error", "too_many_requests", "429"})
_BUSY_PHRASES = ("rate limit", "rate-limit", "too many requests")
_OVERLOADED = frozenset({"server_is_overloaded", "overloaded", "overloaded_error", "slow_down", "529"})
_REFUSED_CONTENT = frozenset({"invalid_prompt", "bio_policy", "image_content_policy_violation"})
_OWN_FAULTS = frozenset(
    {
        "invalid_image",
        "invalid_image_format",
        "invalid_base64_image",
        "invalid_image_url",
        "image_too_large",
        "image_too_small",
        "image_parse_error",
        "invalid_image_mode",
        "image_file_too_large",
        "unsupported_image_media_type",
        "empty_image_file",
        "failed_to_download_image",
        "image_file_not_found",
    }
)
_TRY_AGAIN = re.compile(r"try again in ([0-9]+(?:\.[0-9]+)?) ?(ms|s)\b", re.IGNORECASE)


def is_context_overflow(text: str) -> bool:
    """Tell whether an upstream's error says that the prompt does not fit into the context window."""
    lower = text.lower()
    return any(phrase in lower for phrase in _CONTEXT_PHRASES)


def error_of(told: object, *, param: str) -> GatewayError:
    """Return our error for one that came inside an answer; ``param`` is the field of the client's prompt.

    An upstream that is rate limited and names no time is asked again shortly: agents give up a turn on an
    overloaded server, but wait and repeat on ``rate_limit_exceeded``.
    """
    detail = f"error in the answer: {str(told)[:500]}"
    codes = {str(told.get(key)) for key in ("code", "type", "status")} if isinstance(told, dict) else set()
    text = str(told).lower()
    if is_context_overflow(text):
        return ContextTooLong(None, param, detail=detail)
    if codes & _REFUSED_CONTENT:
        return UpstreamRefused("The model behind this alias refuses this prompt.", code="invalid_prompt", detail=detail)
    if codes & _OWN_FAULTS:
        return UpstreamRefused("An image of this request cannot be used.", param=param, detail=detail)
    if codes & _OVERLOADED:
        return UpstreamOverloaded(detail=detail)
    if codes & _BUSY or any(phrase in text for phrase in _BUSY_PHRASES):
        wait = _TRY_AGAIN.search(text)
        if wait is None:
            return UpstreamBusy(RETRY_SHORTLY_S, detail=detail)
        return UpstreamBusy(math.ceil(float(wait[1]) / (1000 if wait[2] == "ms" else 1)), detail=detail)
    return UpstreamError(detail=detail)


def error_in_chunk(chunk: object, *, param: str) -> GatewayError | None:
    """Return our error for a chunk or a whole chat answer that reports one, in any of the forms upstreams use."""
    if isinstance(chunk, list) and chunk and isinstance(chunk[0], dict) and "error" in chunk[0]:  # Gemini's form
        return error_of(chunk[0]["error"], param=param)
    if not isinstance(chunk, dict):
        return UpstreamError(detail=f"not an object: {shape_of(chunk)}")
    if chunk.get("error"):
        return error_of(chunk["error"], param=param)
    if chunk.get("object") == "error":
        return error_of(chunk, param=param)
    choices = chunk.get("choices")
    for choice in choices if isinstance(choices, list) else []:  # OpenRouter's form
        if isinstance(choice, dict) and choice.get("error"):
            return error_of(choice["error"], param=param)
    return None


def shape_of(told: object) -> str:
    """Describe an answer for the log without anything that it says: content is never logged."""
    if isinstance(told, dict):
        return "an object with " + ", ".join(sorted(str(key)[:40] for key in told)[:20])
    return type(told).__name__
