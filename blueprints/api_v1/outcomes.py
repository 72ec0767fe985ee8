"""What a finished call is written into the usage log as: tokens, times, cost."""

from __future__ import annotations

import time

from catalog.model import Price
from models.reservation import Outcome

from .attempts import Attempts
from .calls import Call
from .input_estimate import BYTES_PER_TOKEN
from .translation.chat_answer import Tokens


def outcome_of(
    call: Call,
    attempts: Attempts,
    status: str,
    *,
    tokens: Tokens | None = None,
    error_code: str | None = None,
    first_output_at: float | None = None,
) -> Outcome:
    """Return the row's closing values. ``first_output_at`` is of the monotonic clock."""
    route = attempts.route
    return Outcome(
        status=status,
        error_code=error_code,
        upstream=route.upstream.name if attempts.count else None,
        upstream_model=route.model if attempts.count else None,
        attempts=attempts.count,
        prompt_tokens=tokens.prompt if tokens else None,
        completion_tokens=tokens.completion if tokens else None,
        cached_tokens=tokens.cached if tokens else None,
        reasoning_tokens=tokens.reasoning if tokens else None,
        tokens_estimated=bool(tokens and tokens.estimated),
        first_output_ms=None if first_output_at is None else _milliseconds(first_output_at - call.started),
        duration_ms=_milliseconds(time.monotonic() - call.started),
        cost=_cost(tokens, route.price),
        routing=attempts.receipt.text(),
    )


def estimated_tokens(call: Call, output_bytes: int) -> Tokens:
    """Return counts for an answer whose upstream told none."""
    return Tokens(
        prompt=call.features.prompt_tokens,
        completion=-(-output_bytes // BYTES_PER_TOKEN),
        estimated=True,
    )


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _cost(tokens: Tokens | None, price: Price | None) -> float | None:
    if tokens is None or price is None:
        return None
    return float(price.input * tokens.prompt + price.output * tokens.completion) / 1_000_000
