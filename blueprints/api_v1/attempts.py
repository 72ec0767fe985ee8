"""The routes that are tried for one call, one after the other, until one of them gives output."""

from __future__ import annotations

import logging
import re
import time
from functools import partial
from typing import Any

import orjson

from catalog.model import Route
from routing.receipt import Receipt
from routing.router import Router

from .calls import Call
from .errors import (
    ContentRefused,
    ContextTooLong,
    GatewayError,
    InvalidRequest,
    UpstreamBusy,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamRefused,
    UpstreamTimeout,
)
from .exchange import Exchange, Exchanges
from .not_eligible import not_eligible
from .reasoning import effort_for

log = logging.getLogger("smartroute.upstream")

MAX_ATTEMPTS = 4
"""Of one upstream call: more would only make a client wait that could try again itself."""

_EFFORT_FIELDS = ("reasoning_effort", "reasoning.effort", "reasoning")
_EFFORT_NAMED = re.compile(r"reasoning[_.]effort")


class Attempts:
    """Hands out what to send next, and decides after a failure whether there is a next.

    What each attempt tells of its route is kept in the router's health, the whole course in ``receipt``.
    """

    def __init__(self, call: Call, exchanges: Exchanges, router: Router) -> None:
        """Plan the routes."""
        self._call = call
        self._exchanges = exchanges
        self._router = router
        self._plan = router.plan(call.profile, call.features)
        self._waiting = list(self._plan.routes)
        self.receipt = Receipt(self._plan, partial(_milliseconds_since, call.started))
        self.route: Route = (self._plan.routes or call.profile.routes)[0]
        self.count = 0
        self._part = 0
        self._first_of_part = 0
        self._deadline = call.started + call.deadline_s
        self._errors: list[GatewayError] = []
        self._unfit: InvalidRequest | None = None
        self._left_out: list[Route] = []
        self._health = router.health.of(self.route)
        self._attempt = object()  # the running or last one, as its route's health knows it
        self._is_open = False  # its route has not been judged by it
        self._began = 0.0
        self._is_cut_short = False
        self._sent_effort = False
        self._refused_effort: Route | None = None

    @property
    def exchange(self) -> Exchange:
        """How the running attempt's route is spoken to; the first one's before there is any."""
        return self._exchanges.for_route(self.route)

    def next(self) -> tuple[Route, Exchange, bytes]:
        """Return the next route, how to speak to it, and the body to send.

        Routes that cannot take the call are passed over, and so are those that are left out at the moment, unless
        there is no other: then the one that would be back first is tried.

        Raises:
            GatewayError: nothing is left to try; the error of the last attempt, or where none was made, why.
        """
        while self._may_go_on():
            is_last_resort = not self._waiting
            if self._waiting:
                route = self._waiting.pop(0)
            elif self._has_more():
                route = min(self._left_out, key=lambda one: self._router.health.of(one).wait_s())
                self._left_out.remove(route)
            else:
                break
            health = self._router.health.of(route)
            attempt = object()
            if is_last_resort:
                health.enter_anyway(attempt, stream=self._call.stream)
            elif why := health.enter(attempt, stream=self._call.stream):
                self.receipt.passed_over(route, why)
                self._left_out.append(route)
                continue
            exchange = self._exchanges.for_route(route)
            effort = None
            if not health.takes_no_effort and route is not self._refused_effort:
                effort = effort_for(self._call.profile, route, exchange.asked_effort)
            try:
                body = exchange.request(route, effort, self._part)
            except InvalidRequest as error:
                health.left(attempt)
                self.receipt.passed_over(route, error.code)
                self._unfit = error
                continue
            except BaseException:
                health.left(attempt)
                raise
            self.route = route
            self.count += 1
            self._health, self._attempt, self._is_open = health, attempt, True
            self._began = time.monotonic()
            self._sent_effort = effort is not None
            self.receipt.begin(route, effort)
            health.record.begun(stream=self._call.stream)
            return route, exchange, orjson.dumps(body)
        raise self._verdict()

    def patience_s(self, limit_s: float) -> float:
        """Return how long the running attempt may wait: a route's own limit, at most what is left of the call's."""
        left_s = max(0.001, self._deadline - time.monotonic())
        self._is_cut_short = left_s < limit_s
        return min(limit_s, left_s)

    def begin_part(self, part: int, exchange: Exchange) -> None:
        """Plan the routes for a further part of the same answer, the one that gave the last part first."""
        self._part = part
        self._first_of_part = self.count
        if self._call.stream:  # it has begun, and that is what its deadline was for
            self._deadline = time.monotonic() + self._call.deadline_s
        self._errors = []
        self._left_out = []
        self._waiting = [self.route, *(route for route in self._plan.routes if route is not self.route)]
        self.stay_with(exchange)

    def stay_with(self, exchange: Exchange) -> None:
        """Leave out the routes of other dialects: the client has seen the beginning of this one's answer."""
        for others in (self._waiting, self._left_out):
            for route in [other for other in others if self._exchanges.for_route(other) is not exchange]:
                others.remove(route)
                self.receipt.passed_over(route, "dialect")

    def failed(self, error: GatewayError) -> None:
        """Note why the running attempt gave no output; return if there may be another one to make.

        Raises:
            GatewayError: the error itself, when nothing is left to try.
        """
        route = self.route
        self._log(error, "gave nothing")
        self._judge(error)
        if self._sent_effort and _is_about_effort(error):
            self._refused_effort = route
            self._waiting.insert(0, route)
            return
        self._errors.append(error)
        if isinstance(error, ContextTooLong):
            self._waiting = [other for other in self._waiting if _may_be_wider(other, route)]
            self._left_out = [other for other in self._left_out if _may_be_wider(other, route)]
        if isinstance(error, UpstreamError | ContextTooLong) and self._has_more() and self._may_go_on():
            return
        raise self._verdict()

    def succeeded(self) -> None:
        """Note that the running attempt gives output. A route that only wanted no effort gets none from now on."""
        if not self._is_open:
            return
        self._is_open = self._is_cut_short = False
        route, health = self.route, self._health
        self.receipt.output()
        health.succeeded(self._attempt, stream=self._call.stream, seconds=time.monotonic() - self._began)
        self._router.answered(self._call.profile, self._call.features, route)
        if route is self._refused_effort and not health.takes_no_effort:
            log.warning("%s/%s takes no reasoning effort: it gets none from now on", route.upstream.name, route.model)
            health.takes_no_effort = True

    def broke(self, error: GatewayError) -> None:
        """Note that the running attempt failed after its output."""
        self._log(error, "cut after output")
        self._judge(error)

    def completed(self) -> None:
        """Note that the running attempt came to its end."""
        self.succeeded()
        self._end("completed")

    def leave(self) -> None:
        """Note that nobody waits for the running attempt any more; changes nothing once it has ended."""
        self._end("left")
        if self._is_open:
            self._is_open = False
            self._health.left(self._attempt)

    def _end(self, how: str, *, failed: bool = False) -> None:
        """Write down how the running attempt ended, once."""
        if self.receipt.end(how):
            self._health.record.ended(time.monotonic(), how, stream=self._call.stream, failed=failed)

    def _judge(self, error: GatewayError) -> None:
        """Let the route's health know; the client's own errors and our own troubles say nothing of it."""
        self._end(error.code, failed=isinstance(error, UpstreamError))
        health = self._health
        attempt, self._is_open = self._attempt, False
        if isinstance(error, UpstreamBusy):
            health.rate_limited(attempt, error.retry_after or 0)
        elif isinstance(error, UpstreamError) and not (self._is_cut_short and isinstance(error, UpstreamTimeout)):
            health.failed(attempt, stream=self._call.stream, seconds=time.monotonic() - self._began)
        else:
            health.left(attempt)

    def _has_more(self) -> bool:
        """Tell whether a route is left: one that is left out only where no other has failed instead."""
        return bool(self._waiting) or (
            bool(self._left_out) and not any(isinstance(error, UpstreamError) for error in self._errors)
        )

    def _may_go_on(self) -> bool:
        return self.count - self._first_of_part < MAX_ATTEMPTS and time.monotonic() < self._deadline

    def _log(self, error: GatewayError, what: str) -> None:
        log.warning(
            "%s attempt %d on %s/%s %s: %s: %s",
            self._call.request_id,
            self.count,
            self.route.upstream.name,
            self.route.model,
            what,
            error.code,
            error.detail,
        )

    def _verdict(self) -> GatewayError:
        """Return what the client is told: how long to wait, where that is all that is wrong everywhere."""
        if not self._errors:
            return self._why_nothing_was_tried()
        last = self._errors[-1]
        if isinstance(last, ContextTooLong):  # the length that the alias promises, not what the route has
            return ContextTooLong(self._call.profile.effective_context_length, "messages", detail=last.detail)
        if isinstance(last, UpstreamRefused):
            last.param = _own_field(last.param, self._call.body)
        if all(isinstance(error, UpstreamBusy | UpstreamOverloaded) for error in self._errors):
            waits = [error for error in self._errors if isinstance(error, UpstreamBusy)]
            return min(waits, key=lambda error: error.retry_after or 0, default=last)
        return last

    def _why_nothing_was_tried(self) -> GatewayError:
        if self._unfit is not None:
            return self._unfit
        if not self._plan.routes:
            return not_eligible(self._call.profile, self._plan)
        return UpstreamTimeout(detail="no time left to try a route")


def _own_field(param: str | None, body: dict[str, Any]) -> str | None:
    """Return the path that an upstream complains of, as far as it leads through what the client sent itself."""
    found = ""
    inside: Any = body
    for step, key, place in re.findall(r"(\.?([^.\[\]]+)|\[(\d+)\])", param or ""):
        if key and isinstance(inside, dict) and key in inside:
            inside = inside[key]
        elif place and isinstance(inside, list) and int(place) < len(inside):
            inside = inside[int(place)]
        else:
            break
        found += step
    return found or None


def _is_about_effort(error: GatewayError) -> bool:
    """Tell whether an upstream refuses the effort; the field that it names says more than its words."""
    if not isinstance(error, UpstreamRefused) or isinstance(error, ContextTooLong | ContentRefused):
        return False
    if error.param is not None:
        return error.param in _EFFORT_FIELDS
    return _EFFORT_NAMED.search(error.detail or "") is not None


def _may_be_wider(other: Route, than: Route) -> bool:
    """Tell whether a route may have room for a prompt that was too long for another one."""
    return other.context_length is None or than.context_length is None or other.context_length > than.context_length


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
