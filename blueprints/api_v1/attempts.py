"""The routes that are tried for one call, one after the other, until one of them gives output."""

from __future__ import annotations

import logging
import re
from collections import deque
from typing import Any

import orjson

from catalog.model import Route

from .calls import Call
from .errors import ContextTooLong, GatewayError, UpstreamBusy, UpstreamError, UpstreamOverloaded, UpstreamRefused
from .exchange import Exchange, Exchanges
from .reasoning import effort_for
from .routing import routes_in_order

log = logging.getLogger("smartroute.upstream")


class Attempts:
    """Hands out what to send next, and decides after a failure whether there is a next."""

    def __init__(self, call: Call, exchanges: Exchanges, without_effort: set[Route]) -> None:
        """Plan the routes. ``without_effort`` holds those that are known to refuse a reasoning effort."""
        self._call = call
        self._exchanges = exchanges
        self._without_effort = without_effort
        self._waiting = deque(routes_in_order(call.profile))
        self.route: Route = self._waiting[0]
        self.count = 0
        self._part = 0
        self._errors: list[GatewayError] = []
        self._sent_effort = False

    def next(self) -> tuple[Route, Exchange, bytes]:
        """Return the next route, how to speak to it, and the body to send.

        Raises:
            InvalidRequest: the call holds what this route cannot take.
        """
        route = self.route = self._waiting.popleft()
        self.count += 1
        exchange = self._exchanges.for_route(route)
        effort = None
        if route not in self._without_effort:
            effort = effort_for(self._call.profile, route, exchange.asked_effort)
        self._sent_effort = effort is not None
        return route, exchange, orjson.dumps(exchange.request(route, effort, self._part))

    def begin_part(self, part: int, exchange: Exchange) -> None:
        """Plan the routes for a further part of the same answer, the one that gave the last part first."""
        self._part = part
        others = [route for route in routes_in_order(self._call.profile) if route is not self.route]
        self._waiting = deque([self.route, *others])
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
        if isinstance(error, UpstreamRefused) and self._sent_effort and _is_about_effort(error):
            log.warning("%s/%s takes no reasoning effort: it gets none from now on", route.upstream.name, route.model)
            self._without_effort.add(route)
            self._waiting.appendleft(route)
            return
        self._errors.append(error)
        if isinstance(error, UpstreamError) and self._waiting:
            return
        raise self._verdict(error)

    def _verdict(self, last: GatewayError) -> GatewayError:
        """Return what the client is told: how long to wait, where that is all that is wrong everywhere."""
        if isinstance(last, ContextTooLong):  # the length that the alias promises, not what the route has
            return ContextTooLong(self._call.profile.effective_context_length, "messages", detail=last.detail)
        if isinstance(last, UpstreamRefused) and not _names_field(last.param, self._call.body):
            last.param = None
        if all(isinstance(error, UpstreamBusy | UpstreamOverloaded) for error in self._errors):
            waits = [error for error in self._errors if isinstance(error, UpstreamBusy)]
            return min(waits, key=lambda error: error.retry_after or 0, default=last)
        return last


def _names_field(param: str | None, body: dict[str, Any]) -> bool:
    """Tell whether the field that an upstream complains of is one that the client sent."""
    return param is not None and re.split(r"[.\[]", param)[0] in body


def _is_about_effort(error: GatewayError) -> bool:
    text = (error.detail or "").lower()
    return "reasoning" in text or "thinking" in text or "effort" in text
