"""Token probabilities of a chat answer as the Responses API tells them."""

from __future__ import annotations

from typing import Any


def probabilities(told: object) -> list[dict[str, Any]]:
    """Return the token probabilities of a chat choice with all keys that the Responses API has."""
    content = told.get("content") if isinstance(told, dict) else None
    return [_probability(entry) for entry in (content if isinstance(content, list) else []) if _is_probability(entry)]


def _probability(told: dict[str, Any]) -> dict[str, Any]:
    top = told.get("top_logprobs")
    return {
        **_token(told),
        "top_logprobs": [_token(entry) for entry in (top if isinstance(top, list) else []) if _is_probability(entry)],
    }


def _token(told: dict[str, Any]) -> dict[str, Any]:
    encoded = told.get("bytes")
    return {
        "token": told["token"],
        "bytes": encoded if isinstance(encoded, list) else list(told["token"].encode()),
        "logprob": told["logprob"],
    }


def _is_probability(told: object) -> bool:
    return (
        isinstance(told, dict) and isinstance(told.get("token"), str) and isinstance(told.get("logprob"), int | float)
    )
