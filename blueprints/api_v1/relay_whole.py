"""A whole answer: asked for, read to its end, counted, then handed out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import gevent

from models import usage_log
from models.lease import WORKER_LOST
from models.reservation import Outcome

from .admission import Ticket
from .attempts import Attempts
from .calls import Call
from .client_watch import ClientGone, ClientWatch
from .errors import GatewayError, UpstreamError, UpstreamTimeout
from .exchange import Exchange, keep
from .outcomes import estimated_tokens, outcome_of
from .translation.chat_answer import Tokens
from .upstream import Upstreams

log = logging.getLogger("smartroute.relay")


def whole_answer(
    call: Call,
    attempts: Attempts,
    ticket: Ticket,
    upstreams: Upstreams,
    watch: ClientWatch,
    on_end: Callable[[Outcome], object],
) -> dict[str, Any]:
    """Return the answer to an admitted call; the ticket is closed, and ``on_end`` told how, when this returns.

    Raises:
        GatewayError: no route gave a usable answer; nothing is counted.
        ClientGone: the client left before the answer was there; nothing is counted.
    """

    def give_back(status: str, error_code: str) -> None:
        attempts.leave()
        outcome = outcome_of(call, attempts, status, error_code=error_code)
        ticket.give_back(outcome)
        on_end(outcome)

    try:
        answer, counts, exchange = _first_usable(call, attempts, upstreams, watch)
        # The whole answer is the first output, and it is there.
        outcome = outcome_of(call, attempts, usage_log.COMPLETED, tokens=counts, first_output_at=time.monotonic())
        ticket.settle_before_output(outcome)
    except ClientGone:
        give_back(usage_log.CANCELLED, "client_gone")
        raise
    except GatewayError as error:
        give_back(usage_log.FAILED, error.code)
        raise
    except gevent.GreenletExit:  # the worker was told to stop, and drain_seconds are over
        give_back(usage_log.FAILED, WORKER_LOST)
        raise
    except BaseException:
        give_back(usage_log.FAILED, GatewayError.code)
        raise
    keep(exchange)
    on_end(outcome)
    return answer


def _first_usable(
    call: Call, attempts: Attempts, upstreams: Upstreams, watch: ClientWatch
) -> tuple[dict[str, Any], Tokens, Exchange]:
    def estimate(output_bytes: int) -> Tokens:
        return estimated_tokens(call, output_bytes)

    told, exchange = _told(attempts, upstreams, watch)
    parts = [told]
    for part in range(1, exchange.parts):
        attempts.begin_part(part, exchange)
        parts.append(_told(attempts, upstreams, watch)[0])
    return *exchange.whole(parts, estimate), exchange


def _told(attempts: Attempts, upstreams: Upstreams, watch: ClientWatch) -> tuple[dict[str, Any], Exchange]:
    """Return what the first upstream with a usable answer tells for one part."""
    while True:
        route, exchange, payload = attempts.next()
        limit_s = attempts.patience_s(route.upstream.answer_timeout)
        try:
            with gevent.Timeout(limit_s, UpstreamTimeout(detail=f"no whole answer in {limit_s} s")), watch:
                told = upstreams.send(route, exchange.path, payload, wait_s=limit_s).json()
            part = _understood(exchange, told)
        except GatewayError as error:
            attempts.failed(error)
        else:
            attempts.completed()
            return part, exchange


def _understood(exchange: Exchange, told: object) -> dict[str, Any]:
    try:
        return exchange.part(told)
    except GatewayError:
        raise
    except Exception as error:  # an upstream's nonsense that nobody thought of
        log.exception("an answer that could not be translated")
        raise UpstreamError(detail=f"an answer that could not be translated: {error!r}") from error
