"""What a Responses upstream says of a failure, and what a client may be told of it. Pure."""

from __future__ import annotations

import math
import re
from typing import Any

from ..errors import (
    ContextTooLong,
    GatewayError,
    UpstreamBusy,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamRefused,
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

# What agents act on when a response fails; every other code is an ordinary fault of the server to them.
_KNOWN_TO_AGENTS = frozenset(
    {
        "context_length_exceeded",
        "insufficient_quota",
        "invalid_prompt",
        "model_not_found",
        "rate_limit_exceeded",
        "server_is_overloaded",
    }
)


def error_of(told: object, *, param: str) -> GatewayError:
    """Return our error for an error object that came inside an answer; ``param`` holds the client's prompt."""
    detail = f"error in the answer: {str(told)[:500]}"
    code = str(told.get("code") or told.get("type")) if isinstance(told, dict) else ""
    text = str(told).lower()
    if any(phrase in text for phrase in _CONTEXT_PHRASES):
        return ContextTooLong(None, param, detail=detail)
    if code in _BUSY:
        wait = _TRY_AGAIN.search(text)
        if wait is None:
            return UpstreamOverloaded(detail=detail)
        return UpstreamBusy(math.ceil(float(wait[1]) / (1000 if wait[2] == "ms" else 1)), detail=detail)
    if code in _OVERLOADED:
        return UpstreamOverloaded(detail=detail)
    if code in _REFUSED_CONTENT:
        return UpstreamRefused("The model behind this alias refuses this prompt.", code="invalid_prompt", detail=detail)
    if code in _OWN_FAULTS:
        return UpstreamRefused("An image of this request cannot be used.", param=param, detail=detail)
    return UpstreamError(detail=detail)


def error_in_event(event: object, *, param: str) -> GatewayError | None:
    """Return our error for an event that reports one, in any of the forms that upstreams use."""
    if isinstance(event, list) and event:  # Gemini wraps it in an array
        event = event[0]
    if not isinstance(event, dict):
        return UpstreamError(detail=f"no event: {str(event)[:200]}")
    kind = event.get("type")
    if kind == "error" or (kind is None and event.get("error")) or event.get("object") == "error":
        return error_of(event.get("error") or event, param=param)
    if kind in ("response.failed", "response.cancelled"):
        return error_in_response(event.get("response"), param=param)
    return None


def error_in_response(told: object, *, param: str) -> GatewayError:
    """Return our error for a response object that did not come to a good end."""
    error = told.get("error") if isinstance(told, dict) else told
    return error_of(error, param=param)


def shown_error(error: GatewayError) -> dict[str, Any]:
    """Return the error object of an ``error`` event: type, code, message and param."""
    shown: dict[str, Any] = dict(error.body()["error"])
    shown["code"] = error.code if error.code in _KNOWN_TO_AGENTS else "server_error"
    return shown
