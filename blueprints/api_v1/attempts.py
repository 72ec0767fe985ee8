"""The routes that are tried for one call, one after the other, until one of them gives output."""

from __future__ import annotations

import logging
import re
from collections import deque
from typing import Any

import orjson

from catalog.model import Route

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
)
from .exchange import Exchange, Exchanges
from .reasoning import effort_for
from .routing import routes_in_order

log = logging.getLogger("smartroute.upstream")

_EFFORT_FIELDS = ("reasoning_effort", "reasoning.effort", "reasoning")
_EFFORT_NAMED = re.compile(r"reasoning[_.]effort")


class Attempts:
    """Hands out what to send next, and decides after a failure whether there is a next."""

    def __init__(self, call: Call, exchanges: Exchanges, without_effort: set[Route]) -> None:
        """Plan the routes. ``without_effort`` holds those that are known to refuse a reasoning effort."""
        self._call = call
        self._exchanges = exchanges
        self._without_effort = without_effort
        self._planned = routes_in_order(call.profile)
        self._waiting = deque(self._planned)
        self.route: Route = self._planned[0]
        self.count = 0
        self._part = 0
        self._errors: list[GatewayError] = []
        self._sent_effort = False
        self._refused_effort: Route | None = None

    def next(self) -> tuple[Route, Exchange, bytes]:
        """Return the next route, how to speak to it, and the body to send; only called while one is waiting.

        Routes that cannot take the call are passed over: nothing is sent to them.

        Raises:
            GatewayError: no waiting route can take the call; the error of the last attempt, or where none was
                made, what the last route cannot take.
        """
        while True:
            route = self._waiting.popleft()
            exchange = self._exchanges.for_route(route)
            effort = None
            if route not in self._without_effort and route is not self._refused_effort:
                effort = effort_for(self._call.profile, route, exchange.asked_effort)
            try:
                body = exchange.request(route, effort, self._part)
            except InvalidRequest as error:
                if self._waiting:
                    continue
                raise (self._verdict() if self._errors else error) from error
            self.route = route
            self.count += 1
            self._sent_effort = effort is not None
            return route, exchange, orjson.dumps(body)

    def begin_part(self, part: int, exchange: Exchange) -> None:
        """Plan the routes for a further part of the same answer, the one that gave the last part first."""
        self._part = part
        self._errors = []
        self._waiting = deque([self.route, *(route for route in self._planned if route is not self.route)])
        self.stay_with(exchange)

    def stay_with(self, exchange: Exchange) -> None:
        """Leave out the routes of other dialects: the client has seen the beginning of this one's answer."""
        self._waiting = deque(route for route in self._waiting if self._exchanges.for_route(route) is exchange)

    def failed(self, error: GatewayError) -> None:
        """Note why the running attempt gave no output; return if there is another one to make.

        Raises:
            GatewayError: the error itself, when nothing is left to try.
        """
        route = self.route
        log.warning(
            "%s attempt %d on %s/%s: %s: %s",
            self._call.request_id,
            self.count,
            route.upstream.name,
            route.model,
            error.code,
            error.detail,
        )
        if self._sent_effort and _is_about_effort(error):
            self._refused_effort = route
            self._waiting.appendleft(route)
            return
        self._errors.append(error)
        if isinstance(error, ContextTooLong):
            self._waiting = deque(other for other in self._waiting if _may_be_wider(other, route))
        if isinstance(error, UpstreamError | ContextTooLong) and self._waiting:
            return
        raise self._verdict()

    def succeeded(self) -> None:
        """Note that the running attempt gives output: a route that only wanted no effort gets none from now on."""
        route = self.route
        if route is self._refused_effort and route not in self._without_effort:
            log.warning("%s/%s takes no reasoning effort: it gets none from now on", route.upstream.name, route.model)
            self._without_effort.add(route)

    def _verdict(self) -> GatewayError:
        """Return what the client is told: how long to wait, where that is all that is wrong everywhere."""
        last = self._errors[-1]
        if isinstance(last, ContextTooLong):  # the length that the alias promises, not what the route has
            return ContextTooLong(self._call.profile.effective_context_length, "messages", detail=last.detail)
        if isinstance(last, UpstreamRefused):
            last.param = _own_field(last.param, self._call.body)
        if all(isinstance(error, UpstreamBusy | UpstreamOverloaded) for error in self._errors):
            waits = [error for error in self._errors if isinstance(error, UpstreamBusy)]
            return min(waits, key=lambda error: error.retry_after or 0, default=last)
        return last


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
