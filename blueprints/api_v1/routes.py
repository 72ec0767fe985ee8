"""The API's smaller views, and what answers when any view fails."""

from __future__ import annotations

import logging

from flask import Response, request
from werkzeug.exceptions import HTTPException, NotFound, RequestEntityTooLarge
from werkzeug.exceptions import MethodNotAllowed as HttpMethodNotAllowed

from middleware.api_paths import is_api_path
from middleware.request_log import log_fields, request_id_of
from models.storage import StorageUnavailable
from service.services import services

from . import model_list, routes_chat, routes_completions, routes_responses  # noqa: F401  (their views register themselves)
from .blueprint import bp
from .errors import (
    BodyTooLarge,
    GatewayError,
    InvalidRequest,
    MethodNotAllowed,
    StorageTrouble,
    UnknownModel,
    UnknownUrl,
    UpgradeRequired,
)
from .quota_headers import quota_headers, window_report
from .routes_call import PAGES, STRANGERS, allowed_aliases, caller, current_standing, json_answer, take_up_nobody

log = logging.getLogger("smartroute.api")

_WATCHED = ("health", "metrics")  # blueprints


@bp.before_app_request
def refuse_websocket() -> None:
    """Send clients that try a WebSocket first back to HTTP at once; routing itself would only say 405."""
    environ = request.environ
    if environ.get("HTTP_UPGRADE", "").lower() == "websocket" and is_api_path(environ["PATH_INFO"]):
        raise UpgradeRequired


@bp.before_app_request
def take_turns_without_token() -> None:
    """Let all pages and files together, and all addresses that nobody serves, have what one account has.

    Whoever watches the service waits for nobody.
    """
    if request.routing_exception is None and (is_api_path(request.path) or request.blueprint in _WATCHED):
        return
    take_up_nobody(STRANGERS if is_api_path(request.path) else PAGES)


@bp.get("/models")
def list_models() -> Response:
    """List every alias; those above the caller's plan say so."""
    house, who = services(), caller()
    shown = model_list.model_list(house.catalog, who.plan, codex=request.args.get("client_version") is not None)
    response = json_answer(shown, quota_headers(current_standing(who)))
    response.add_etag()
    response.make_conditional(request)
    return response


@bp.get("/models/<path:alias>")
def retrieve_model(alias: str) -> Response:
    """Show one alias."""
    house, who = services(), caller()
    profile = house.catalog.profile(alias)
    if profile is None:
        raise UnknownModel(alias, allowed_aliases(who))
    shown = model_list.model_object(house.catalog, who.plan, profile)
    return json_answer(shown, quota_headers(current_standing(who)))


@bp.delete("/models/<path:alias>")
def delete_model(alias: str) -> Response:
    """Answer as OpenAI does where there is nothing to delete."""
    caller()
    raise UnknownUrl(request.method, request.path)


@bp.get("/usage")
def show_usage() -> Response:
    """Show what is left of both windows; counts nothing."""
    house, who = services(), caller()
    now = current_standing(who)
    limits = now.limits
    report = {
        "object": "usage",
        "plan": who.plan.slug,
        "plan_name": who.plan.name,
        "model": who.plan.profile.alias,
        "timezone": house.catalog.service.timezone_name,
        "day": window_report(limits.daily, now.day_used, now.day_left, now.windows.day),
        "month": window_report(limits.monthly, now.month_used, now.month_left, now.windows.month),
    }
    return json_answer(report, quota_headers(now))


def error_answer(error: Exception) -> Response:
    """Answer any error below the API's paths in OpenAI's shape."""
    shown = _as_gateway_error(error)
    fields = log_fields(request.environ)
    fields["error_code"] = shown.code
    if "outcome" not in fields:
        services().metrics.refused(shown.code)
    if shown.detail:
        log.warning("%s: %s: %s", request_id_of(request.environ), shown.code, shown.detail)
    return json_answer(shown.body(), shown.headers(), shown.status)


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
