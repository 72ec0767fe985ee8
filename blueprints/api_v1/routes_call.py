"""What every generation endpoint does with its HTTP request: who asks, admission, the answer's headers."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Any

import orjson
from flask import Response, abort, request

from catalog.model import Profile
from middleware.request_log import log_fields, request_id_of
from models import reservation, usage_log
from models.quota import Limits, Standing, newest_row, standing
from models.reservation import Outcome
from service.metrics.counts import Metrics
from service.metrics.tracing import TRAIL, Trail
from service.process.waits import WaitOver
from service.services import Services, services

from .admission import Ticket, admit
from .attempts import Attempts
from .authentication import Caller, authenticate
from .blueprint import failed_authentications, fair_share, router, upstreams
from .body import json_object, receive_body, unpack_body
from .calls import Call, new_id
from .client_watch import ClientGone, ClientWatch, has_left
from .continuations import CallIds, continued_step, new_turn
from .errors import GatewayError, Unauthenticated, UnknownModel
from .exchange import Exchanges
from .kept_response import KeptResponse
from .quota_headers import quota_headers
from .ready_response import ReadyResponse
from .relay_stream import StreamedAnswer
from .relay_whole import whole_answer
from .request_features import features_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PAGES, STRANGERS = "pages", "strangers"  # lines, as of an account each: for pages; for who brings no valid token
MOST_OF_NOBODY = 500  # requests in one of these lines, of one worker
LARGE_BYTES = 64 * 1024  # of a body: it may take milliseconds
CLIENT_GONE = 499  # nobody reads it; nginx uses the same number in its log

NewCallId = Callable[[], str]
OnEnd = Callable[[Outcome], None]


def caller() -> Caller:
    """Return who sends the current request, which has no body; it is taken up in the caller's fair share."""
    who = _authenticated()
    _take_up(who.account_id)
    return who


def caller_and_body() -> tuple[Caller, dict[str, Any]]:
    """Return who sends the current request, and its body as an object; taken up once the body is there."""
    who = _authenticated()
    environ = request.environ
    most_bytes = services().catalog.service.max_body_mb * 1024 * 1024
    try:
        raw = receive_body(environ, most_bytes)
        _end_if_client_left(environ.get("gunicorn.socket"))
    except Exception:  # to be answered; a connection that is given up goes at once
        _take_up(who.account_id)
        raise
    _take_up(who.account_id, is_large=len(raw) > LARGE_BYTES or "HTTP_CONTENT_ENCODING" in environ)
    return who, json_object(unpack_body(raw, environ.get("HTTP_CONTENT_ENCODING", ""), most_bytes))


def call_of(
    who: Caller,
    body: dict[str, Any],
    endpoint: str,
    id_prefix: str,
    items: list[dict[str, Any]],
    sent: dict[str, Any] | None = None,
) -> Call:
    """Return the call that a checked body makes; ``items`` are its conversation, with the turns that it builds on.

    ``sent`` is what an upstream is asked in its place, if that is something else.

    Raises:
        UnknownModel: it names no public alias.
    """
    profile = _served_profile(who, body.get("model"))
    environ = request.environ
    call = Call(
        request_id=request_id_of(environ),
        endpoint=endpoint,
        body=body,
        profile=profile,
        features=features_of(sent or body, items, endpoint=endpoint, account_id=who.account_id, speed=who.plan.speed),
        alias_asked=body.get("model"),
        stream=bool(body.get("stream")),
        include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        started=time.monotonic(),
        deadline_s=services().catalog.service.deadline_seconds,
        created=int(time.time()),
        answer_id=new_id(id_prefix),
    )
    log_fields(environ).update(endpoint=endpoint, alias=profile.alias, stream=call.stream)
    return call


def answer(
    who: Caller,
    call: Call,
    result_ids: list[str] | None,
    exchanges: Callable[[NewCallId], Exchanges],
    kept: KeptResponse | None = None,
) -> Response:
    """Admit a call and answer it, whole or streamed.

    ``result_ids`` are the call ids of the tool results that it brings back, if it brings nothing else;
    ``exchanges`` makes the call's exchanges with the maker of the ids for its tool calls; ``kept`` stores a
    stream from its beginning.
    """
    house, environ = services(), request.environ
    watch = ClientWatch(environ, fair_share().of(who.account_id))
    ticket: Ticket | None = None
    try:
        ticket, trail = _admit(house, environ, who, call, result_ids)
        attempts = Attempts(call, exchanges(CallIds(house.keyring, who.account_id, ticket.step).new), router())
        on_end = _on_end(house.metrics, log_fields(environ), trail, call)
        if call.stream:
            return _stream(call, attempts, ticket, watch, on_end, kept)
        return _whole(call, attempts, ticket, watch, on_end)
    except ClientGone:
        watch.stop()
        return Response(status=CLIENT_GONE)
    except BaseException:
        watch.stop()
        if ticket is not None:  # changes nothing where the relay has closed it
            ticket.give_back(Outcome(status=usage_log.FAILED, error_code=GatewayError.code))
        raise


def allowed_aliases(who: Caller) -> list[str]:
    """Return the aliases that a caller's plan may ask for."""
    return [profile.alias for profile in services().catalog.aliases_for(who.plan)]


def current_standing(who: Caller) -> Standing:
    """Return what the caller has used of both windows now."""
    house = services()

    def look(connection: Any) -> Standing:
        newest = newest_row(connection, who.account_id)
        now = house.storage.now(connection)
        return standing(connection, who.account_id, _limits(who), house.calendar, now, newest)

    return house.storage.read(look)


def check_model(who: Caller, asked: str | None) -> None:
    """Refuse a name that is no public alias, for a request that no call is made of.

    Raises:
        UnknownModel: it is none.
    """
    _served_profile(who, asked)


def json_answer(value: object, headers: dict[str, str], status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(orjson.dumps(value), status=status, mimetype="application/json", headers=headers)


def _authenticated() -> Caller:
    house, environ = services(), request.environ
    try:
        found = authenticate(house.storage, house.catalog, environ.get("HTTP_AUTHORIZATION"))
    except Unauthenticated:
        take_up_nobody(STRANGERS)
        failed_authentications().count(request.remote_addr or "")
        raise
    log_fields(environ)["account"] = found.account_id
    return found


def _end_if_client_left(client: Any) -> None:
    """Do nothing for a client that left before its request was read.

    On a machine that is too busy, connections wait so long to be accepted that clients give up. Work for those would
    keep the worker from ever coming to one who still waits.
    """
    if client is not None and has_left(client.fileno()):
        abort(Response(status=CLIENT_GONE))


def take_up_nobody(line: Hashable) -> None:
    """Return when the current request, which is no account's, may go on in its line.

    Raises:
        WaitOver: the line is full, and the connection is to be closed: an answer to each would be a flood again.
    """
    if "gunicorn.socket" not in request.environ:
        return  # a client within the process, in whatever thread: lines are of one event loop
    if fair_share().waiting(line) >= MOST_OF_NOBODY:
        raise WaitOver
    _take_up(line)


def _take_up(account: Hashable, *, is_large: bool = False) -> None:
    try:
        fair_share().take_up(account, request.environ.get("gunicorn.socket"), is_large=is_large)
    except ClientGone:
        abort(Response(status=CLIENT_GONE))


def _served_profile(who: Caller, asked: str | None) -> Profile:
    try:
        return services().catalog.served_profile(who.plan, asked)
    except KeyError:
        raise UnknownModel(str(asked), allowed_aliases(who)) from None


def _limits(who: Caller) -> Limits:
    return Limits(who.plan.daily, who.plan.monthly, who.plan.open_requests, who.bonus)


def _admit(
    house: Services, environ: WSGIEnvironment, who: Caller, call: Call, result_ids: list[str] | None
) -> tuple[Ticket, Trail]:
    wanted = reservation.Request(
        account_id=who.account_id,
        token_id=who.token_id,
        request_id=call.request_id,
        endpoint=call.endpoint,
        alias_asked=call.alias_asked,
        alias_served=call.profile.alias,
        client_name=environ.get("HTTP_USER_AGENT", "")[:64] or None,
        turn=new_turn(),
        continues=continued_step(house.keyring, who.account_id, result_ids),
    )
    plans_url = f"{house.catalog.service.public_url}/plans"
    continuations = house.catalog.service.continuations_per_prompt
    began = time.monotonic()
    try:
        ticket = admit(house.storage, house.worker, house.calendar, wanted, _limits(who), plans_url, continuations)
    finally:
        ended = time.monotonic()
        house.metrics.decided(ended - began)
        trail = environ[TRAIL] = Trail(call.profile.alias, who.plan.slug, call.started, began, ended)
    house.metrics.admitted(call.profile.alias, who.plan.slug, is_continuation=ticket.step.number > 0)
    return ticket, trail


def _whole(call: Call, attempts: Attempts, ticket: Ticket, watch: ClientWatch, on_end: OnEnd) -> Response:
    try:
        told = whole_answer(call, attempts, ticket, upstreams(), watch, on_end)
    finally:
        watch.stop()
    body = orjson.dumps(told)
    headers = quota_headers(ticket.standing, call.endpoint)
    headers["Content-Length"] = str(len(body))
    return ReadyResponse([body], "application/json", headers)


def _stream(
    call: Call, attempts: Attempts, ticket: Ticket, watch: ClientWatch, on_end: OnEnd, kept: KeptResponse | None
) -> Response:
    stream = StreamedAnswer(call, attempts, ticket, upstreams(), watch, on_end)
    pieces: Iterable[bytes] = stream
    if kept is None:
        stream.begin()
    else:
        pieces = kept.stream(stream, watch)
    headers = quota_headers(ticket.standing, call.endpoint)
    headers |= {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return ReadyResponse(pieces, "text/event-stream; charset=utf-8", headers)


def _on_end(metrics: Metrics, fields: dict[str, Any], trail: Trail, call: Call) -> OnEnd:
    """Return what counts a call's outcome and puts it into this request's log line, also after the view's return."""
    alias, stream = call.profile.alias, call.stream

    def note(outcome: Outcome) -> None:
        fields.update(
            outcome=outcome.status,
            upstream=outcome.upstream,
            attempts=outcome.attempts,
            first_output_ms=outcome.first_output_ms,
        )
        if outcome.error_code:
            fields["error_code"] = outcome.error_code
        metrics.answered(alias, trail.plan, outcome, stream=stream)
        trail.outcome = outcome

    return note
