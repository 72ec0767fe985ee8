"""The views of the API: who asks, what is asked, may it be asked now, and the answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, cast

import orjson
from flask import Blueprint, Response, current_app, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException, NotFound, RequestEntityTooLarge
from werkzeug.exceptions import MethodNotAllowed as HttpMethodNotAllowed

from catalog.model import Profile
from middleware.api_paths import is_api_path
from middleware.request_log import log_fields, request_id_of
from models import reservation
from models.quota import Limits, Standing, newest_row, standing
from models.reservation import Outcome
from models.storage import StorageUnavailable
from service.services import Services, services

from . import model_list
from .admission import Ticket, admit
from .authentication import Caller, authenticate
from .body import json_object, read_body
from .calls import Call
from .client_watch import ClientGone, ClientWatch
from .continuations import CallIds, chat_result_ids, continued_step, new_turn
from .cors import open_to_all, preflight
from .errors import (
    BodyTooLarge,
    GatewayError,
    InvalidRequest,
    MethodNotAllowed,
    StorageTrouble,
    UnknownModel,
    UnknownUrl,
)
from .exchange import Exchanges
from .exchange_chat import ChatExchanges
from .quota_headers import quota_headers, window_report
from .relay_stream import StreamedAnswer
from .relay_whole import whole_answer
from .schemas import check_chat
from .upstream import Upstreams

log = logging.getLogger("smartroute.api")

bp = Blueprint("api_v1", __name__)
bp.after_request(open_to_all)

CLIENT_GONE = 499  # nobody reads it; nginx uses the same number in its log
_UPSTREAMS = "smartroute_upstreams"


@bp.record
def _keep_upstreams(state: BlueprintSetupState) -> None:
    """Keep the connections to the catalog's upstreams, given when the blueprint is registered."""
    state.app.extensions[_UPSTREAMS] = state.options["upstreams"]


@bp.before_app_request
def answer_preflight() -> Response | None:
    """Answer a browser's preflight for any path of the API, known or not."""
    if request.method == "OPTIONS" and is_api_path(request.path):
        return preflight(request.headers.get("Access-Control-Request-Headers"))
    return None


@bp.post("/chat/completions")
def create_chat_completion() -> Response:
    """Answer a chat, whole or streamed."""
    house, caller = services(), _caller()
    raw = read_body(request.environ, house.catalog.service.max_body_mb * 1024 * 1024)
    body = json_object(raw)
    check_chat(body)
    call = _call(house, caller, body, len(raw), "chat/completions")
    watch = ClientWatch(request.environ)
    try:
        ticket = _admit(house, caller, call, chat_result_ids(body["messages"]))
        exchanges = ChatExchanges(call, CallIds(house.keyring, caller.account_id, ticket.step).new)
        return (_stream if call.stream else _whole)(call, exchanges, ticket, watch)
    except ClientGone:
        watch.stop()
        return Response(status=CLIENT_GONE)
    except BaseException:
        watch.stop()
        raise


@bp.get("/models")
def list_models() -> Response:
    """List every alias; those above the caller's plan say so."""
    house, caller = services(), _caller()
    return _json(model_list.model_list(house.catalog, caller.plan), quota_headers(_standing(house, caller)))


@bp.get("/models/<path:alias>")
def retrieve_model(alias: str) -> Response:
    """Show one alias."""
    house, caller = services(), _caller()
    profile = house.catalog.profile(alias)
    if profile is None:
        raise UnknownModel(alias, _allowed(house, caller))
    shown = model_list.model_object(house.catalog, caller.plan, profile)
    return _json(shown, quota_headers(_standing(house, caller)))


@bp.delete("/models/<path:alias>")
def delete_model(alias: str) -> Response:
    """Answer as OpenAI does where there is nothing to delete."""
    _caller()
    raise UnknownUrl(request.method, request.path)


@bp.get("/usage")
def show_usage() -> Response:
    """Show what is left of both windows; counts nothing."""
    house, caller = services(), _caller()
    now = _standing(house, caller)
    limits = now.limits
    report = {
        "object": "usage",
        "plan": caller.plan.slug,
        "plan_name": caller.plan.name,
        "model": caller.plan.profile.alias,
        "timezone": house.catalog.service.timezone_name,
        "day": window_report(limits.daily, now.day_used, now.day_left, now.windows.day),
        "month": window_report(limits.monthly, now.month_used, now.month_left, now.windows.month),
    }
    return _json(report, quota_headers(now))


def error_answer(error: Exception) -> Response:
    """Answer any error below the API's paths in OpenAI's shape."""
    shown = _as_gateway_error(error)
    fields = log_fields(request.environ)
    fields["error_code"] = shown.code
    if shown.detail:
        log.warning("%s: %s: %s", request_id_of(request.environ), shown.code, shown.detail)
    response = _json(shown.body(), shown.headers())
    response.status_code = shown.status
    return open_to_all(response)


def _as_gateway_error(error: Exception) -> GatewayError:
    if isinstance(error, GatewayError):
        return error
    if isinstance(error, StorageUnavailable):
        return StorageTrouble(detail=str(error))
    if isinstance(error, NotFound):
        return UnknownUrl(request.method, request.path)
    if isinstance(error, HttpMethodNotAllowed):
        return MethodNotAllowed(request.method, sorted(set(error.valid_methods or ()) - {"OPTIONS"}))
    if isinstance(error, RequestEntityTooLarge):
        return BodyTooLarge()
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        return InvalidRequest(error.description)
    log.error("%s: unexpected", request_id_of(request.environ), exc_info=error)
    return GatewayError()


def _caller() -> Caller:
    house = services()
    caller = authenticate(house.storage, house.catalog, request.headers.get("Authorization"))
    log_fields(request.environ)["account"] = caller.account_id
    return caller


def _call(house: Services, caller: Caller, body: dict[str, Any], body_bytes: int, endpoint: str) -> Call:
    profile = _served_profile(house, caller, body.get("model"))
    call = Call(
        request_id=request_id_of(request.environ),
        endpoint=endpoint,
        body=body,
        profile=profile,
        alias_asked=body.get("model"),
        stream=bool(body.get("stream")),
        include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        body_bytes=body_bytes,
        started=time.monotonic(),
        created=int(time.time()),
    )
    log_fields(request.environ).update(endpoint=endpoint, alias=profile.alias, stream=call.stream)
    return call


def _served_profile(house: Services, caller: Caller, asked: str | None) -> Profile:
    try:
        return house.catalog.served_profile(caller.plan, asked)
    except KeyError:
        raise UnknownModel(str(asked), _allowed(house, caller)) from None


def _allowed(house: Services, caller: Caller) -> list[str]:
    return [profile.alias for profile in house.catalog.aliases_for(caller.plan)]


def _limits(caller: Caller) -> Limits:
    return Limits(daily=caller.plan.daily, monthly=caller.plan.monthly)


def _admit(house: Services, caller: Caller, call: Call, result_ids: list[str] | None) -> Ticket:
    wanted = reservation.Request(
        account_id=caller.account_id,
        token_id=caller.token_id,
        request_id=call.request_id,
        endpoint=call.endpoint,
        alias_asked=call.alias_asked,
        alias_served=call.profile.alias,
        client_name=(request.headers.get("User-Agent") or "")[:64] or None,
        turn=new_turn(),
        continues=continued_step(house.keyring, caller.account_id, result_ids),
    )
    plans_url = f"{house.catalog.service.public_url}/plans"
    continuations = house.catalog.service.continuations_per_prompt
    return admit(house.storage, house.worker, house.calendar, wanted, _limits(caller), plans_url, continuations)


def _standing(house: Services, caller: Caller) -> Standing:
    def look(connection: Any) -> Standing:
        newest = newest_row(connection, caller.account_id)
        now = house.storage.now(connection)
        return standing(connection, caller.account_id, _limits(caller), house.calendar, now, newest)

    return house.storage.read(look)


def _whole(call: Call, exchanges: Exchanges, ticket: Ticket, watch: ClientWatch) -> Response:
    try:
        answer = whole_answer(call, exchanges, ticket, _upstreams(), watch, _log_outcome())
    finally:
        watch.stop()
    return _json(answer, quota_headers(ticket.standing))


def _stream(call: Call, exchanges: Exchanges, ticket: Ticket, watch: ClientWatch) -> Response:
    stream = StreamedAnswer(call, exchanges, ticket, _upstreams(), watch, _log_outcome())
    stream.begin()
    response = Response(stream, mimetype="text/event-stream", headers=quota_headers(ticket.standing))
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _log_outcome() -> Callable[[Outcome], None]:
    """Return what puts a call's outcome into the log line of this request, also after the view has returned."""
    fields = log_fields(request.environ)

    def note(outcome: Outcome) -> None:
        fields.update(
            outcome=outcome.status,
            upstream=outcome.upstream,
            attempts=outcome.attempts,
            first_output_ms=outcome.first_output_ms,
        )
        if outcome.error_code:
            fields["error_code"] = outcome.error_code

    return note


def _upstreams() -> Upstreams:
    return cast(Upstreams, current_app.extensions[_UPSTREAMS])


def _json(value: object, headers: dict[str, str]) -> Response:
    return Response(orjson.dumps(value), mimetype="application/json", headers=headers)
