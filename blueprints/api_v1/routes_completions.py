"""``POST completions``."""

from __future__ import annotations

from flask import Response

from .blueprint import bp
from .exchange_completions import CompletionsExchanges
from .input_estimate import request_items
from .routes_call import answer, call_of, caller_and_body
from .schemas import check_completions
from .translation.completions_over_chat import plan_completion


@bp.post("/completions")
def create_completion() -> Response:
    """Continue one or more texts, whole or streamed."""
    who, body = caller_and_body()
    check_completions(body)
    plan = plan_completion(body)
    call = call_of(who, body, "completions", "cmpl-", request_items(body))
    return answer(who, call, None, lambda _new_call_id: CompletionsExchanges(call, plan))
