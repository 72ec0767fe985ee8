"""A whole answer: asked for, read to its end, counted, then handed out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent

from models import usage_log
from models.reservation import Outcome

from .admission import Ticket
from .attempts import Attempts
from .calls import Call, new_call_id
from .client_watch import ClientGone, ClientWatch
from .errors import GatewayError, UpstreamTimeout
from .outcomes import estimated_tokens, outcome_of
from .translation import chat_answer
from .upstream import Upstreams


def whole_chat(
    call: Call, ticket: Ticket, upstreams: Upstreams, watch: ClientWatch, on_end: Callable[[Outcome], object]
) -> dict[str, Any]:
    """Return the answer to an admitted call; the ticket is closed, and ``on_end`` told how, when this returns.

    Raises:
        GatewayError: no route gave a usable answer; nothing is counted.
        ClientGone: the client left before the answer was there; nothing is counted.
    """
    attempts = Attempts(call, upstreams.without_effort)

    def give_back(status: str, error_code: str) -> None:
        outcome = outcome_of(call, attempts, status, error_code=error_code)
        ticket.give_back(outcome)
        on_end(outcome)

    try:
        answer = _first_usable(call, attempts, upstreams, watch)
        outcome = _completed(call, attempts, answer)
        ticket.settle_before_output(outcome)
    except ClientGone:
        give_back(usage_log.CANCELLED, "client_gone")
        raise
    except GatewayError as error:
        give_back(usage_log.FAILED, error.code)
        raise
    except BaseException:
        give_back(usage_log.FAILED, GatewayError.code)
        raise
    on_end(outcome)
    return answer


def _first_usable(call: Call, attempts: Attempts, upstreams: Upstreams, watch: ClientWatch) -> dict[str, Any]:
    while True:
        route, payload = attempts.next()
        limit_s = route.upstream.answer_timeout
        try:
            with gevent.Timeout(limit_s, UpstreamTimeout(detail=f"no whole answer in {limit_s} s")), watch:
                told = upstreams.send(route, "/chat/completions", payload, wait_s=limit_s).json()
            return chat_answer.chat_completion(
                told,
                alias=call.profile.alias,
                answer_id=call.answer_id,
                created=call.created,
                new_call_id=new_call_id,
            )
        except GatewayError as error:
            attempts.failed(error)


def _completed(call: Call, attempts: Attempts, answer: dict[str, Any]) -> Outcome:
    counts = chat_answer.tokens(answer.get("usage"))
    if counts is None:
        counts = estimated_tokens(call, sum(_text_bytes(choice["message"]) for choice in answer["choices"]))
        answer["usage"] = {
            "prompt_tokens": counts.prompt,
            "completion_tokens": counts.completion,
            "total_tokens": counts.prompt + counts.completion,
        }
    # The whole answer is the first output, and it is there.
    return outcome_of(call, attempts, usage_log.COMPLETED, tokens=counts, first_output_at=time.monotonic())


def _text_bytes(message: dict[str, Any]) -> int:
    texts = [message.get(name) or "" for name in ("content", "reasoning_content", "refusal")]
    calls = [str(call) for call in message.get("tool_calls", [])]
    return sum(len(text.encode()) for text in texts + calls)
