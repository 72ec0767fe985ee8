"""What would become of a request that is not sent: where it would go, what would be said there, what is left out.

It goes the way of a real one through checks, alias, features, routing and translation; only admission, network
and stored responses of the account are left out. Nothing is counted, and nothing is learnt from it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from msgspec.structs import asdict

from catalog.model import Plan, Profile, Route
from routing.features import Features
from routing.receipt import route_name
from routing.router import RoutePlan, Router
from service.services import services

from .attempts import MAX_ATTEMPTS
from .blueprint import router
from .calls import Call, new_id
from .dry_run_changes import changes
from .errors import GatewayError, InvalidRequest, UnknownModel
from .exchange import Exchange, Exchanges
from .exchange_chat import ChatExchanges
from .exchange_completions import CompletionsExchanges
from .exchange_items import items_of
from .exchange_responses import ResponsesExchanges
from .input_estimate import request_items
from .kept_response import KeptResponse
from .not_eligible import not_eligible
from .reasoning import effort_for
from .request_features import features_of
from .response_store import Seals
from .running_responses import running_responses
from .schemas import check_chat, check_completions
from .schemas_responses import check_responses
from .translation.completions_over_chat import plan_completion
from .translation.responses_request import read_request

EXTENSION = "smartroute_dry_run"
ENDPOINTS = ("chat/completions", "completions", "responses")
_NOBODY = 0  # no account has this number


def dry_run(plan_slug: str, endpoint: str, body: object) -> dict[str, Any]:
    """Explain a request of an account on a plan; ``body`` is what the client would send, as it came out of JSON.

    Returns JSON values: ``error`` (null, or what the client would get) and, as far as it goes, ``alias``,
    ``features``, ``reason``, ``routes`` (each with ``position`` from 1 or null, ``why_not``, ``health``,
    ``effort``, ``changes``) and ``notes`` of what is left out.

    Raises:
        KeyError: the plan or the endpoint does not exist.
    """
    plan = services().catalog.plan(plan_slug)
    if plan is None:
        raise KeyError(plan_slug)
    if endpoint not in ENDPOINTS:
        raise KeyError(endpoint)
    try:
        return _explained(plan, endpoint, body)
    except GatewayError as error:
        return {"error": {"status": error.status, **error.body()["error"]}}


def _explained(plan: Plan, endpoint: str, body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise InvalidRequest("The body has to be a JSON object.", code="invalid_type")
    _CHECKS[endpoint](body)
    profile = _served_profile(plan, body.get("model"))
    items = items_of(body.get("input")) if endpoint == "responses" else request_items(body)
    features = features_of(body, items, endpoint=endpoint, account_id=_NOBODY, speed=plan.speed)
    call = _call(endpoint, body, profile, features)
    exchanges, notes = _exchanges(call)
    known = router()
    found = known.plan(profile, features)
    routes = [_route(route, call, exchanges, known, found) for route in profile.routes]
    able = [each for each in routes if each["position"] is not None and "error" not in each]
    error: GatewayError | None = None
    if not found.routes:
        error = not_eligible(profile, found)
    told = None if error is None else {"status": error.status, **error.body()["error"]}
    if error is None and not able:
        told = next(each["error"] for each in reversed(routes) if "error" in each)
    return {
        "error": told,
        "alias": profile.alias,
        "features": {
            **asdict(features),
            "modalities": sorted(features.modalities),
            "conversation": None if features.conversation is None else f"{features.conversation:016x}",
        },
        "reason": found.reason,
        "attempts_at_most": MAX_ATTEMPTS,
        "routes": sorted(routes, key=lambda each: each["position"] or len(routes) + 1),
        "notes": notes,
    }


def _check_completion(body: dict[str, Any]) -> None:
    check_completions(body)
    plan_completion(body)


_CHECKS: dict[str, Callable[[dict[str, Any]], None]] = {
    "chat/completions": check_chat,
    "completions": _check_completion,
    "responses": check_responses,
}


def _served_profile(plan: Plan, asked: str | None) -> Profile:
    catalog = services().catalog
    try:
        return catalog.served_profile(plan, asked)
    except KeyError:
        raise UnknownModel(str(asked), [profile.alias for profile in catalog.aliases_for(plan)]) from None


def _call(endpoint: str, body: dict[str, Any], profile: Profile, features: Features) -> Call:
    return Call(
        request_id="dry-run",
        endpoint=endpoint,
        body=body,
        profile=profile,
        features=features,
        alias_asked=body.get("model"),
        stream=features.stream,
        include_usage=False,
        started=time.monotonic(),
        deadline_s=services().catalog.service.deadline_seconds,
        created=int(time.time()),
        answer_id=new_id("dry_"),
    )


def _exchanges(call: Call) -> tuple[Exchanges, list[str]]:
    """Return the call's exchanges, and what reading it left out."""

    def new_call_id() -> str:
        return new_id("call_")

    if call.endpoint == "chat/completions":
        return ChatExchanges(call, new_call_id), []
    if call.endpoint == "completions":
        return CompletionsExchanges(call, plan_completion(call.body)), []
    seals = Seals(services().keyring, _NOBODY)
    asked = read_request(call.body, history=[], open_sealed=seals.open, lookup=_nothing_stored)
    kept = KeptResponse(call, None, running_responses())
    made = ResponsesExchanges(call, asked, [], kept, seals, new_call_id, _nothing_stored)
    return made, list(dict.fromkeys(asked.notes))


def _nothing_stored(_item_id: str) -> None:
    return None


def _route(route: Route, call: Call, exchanges: Exchanges, known: Router, found: RoutePlan) -> dict[str, Any]:
    health = known.health.of(route)
    pace = health.pace(stream=call.stream).seconds
    told: dict[str, Any] = {
        "route": route_name(route),
        "order": route.order,
        "weight": route.weight,
        "position": None,
        "why_not": next((why for other, why in found.passed_over if other is route), None) or health.why_left_out(),
        "health": health.state(),
        "first_output_ms": None if pace is None else round(pace * 1000),
    }
    places = [place for place, other in enumerate(found.routes, 1) if other is route]
    if not places:
        return told
    told["position"] = places[0]
    exchange: Exchange = exchanges.for_route(route)
    effort = None if health.takes_no_effort else effort_for(call.profile, route, exchange.asked_effort)
    try:
        sent = exchange.request(route, effort, 0)
    except InvalidRequest as error:
        return {**told, "why_not": error.code, "error": {"status": error.status, **error.body()["error"]}}
    told |= {"path": exchange.path, "upstream_calls": exchange.parts, "effort": effort}
    told["changes"] = [asdict(change) for change in changes(call.body, sent)]
    return told
