"""``POST responses`` and the responses that are kept."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from service.services import services

from .authentication import Caller
from .blueprint import bp
from .calls import Call
from .continuations import item_result_ids
from .errors import InvalidRequest, UnknownResponse
from .exchange import Exchanges
from .exchange_compaction import COMPACT_ENDPOINT, CompactionExchanges
from .exchange_items import items_of
from .exchange_responses import ResponsesExchanges
from .input_estimate import measured
from .kept_response import KeptResponse
from .quota_headers import quota_headers
from .response_store import ResponseStore, Seals
from .routes_call import NewCallId, answer, call_of, caller, caller_and_body, check_model, current_standing, json_answer
from .running_responses import running_responses
from .schemas_responses import check_compact, check_responses
from .translation.compaction import asks_compaction, summary_request
from .translation.responses_request import read_request

_PAGE, _MOST_A_PAGE = 20, 100


@bp.post("/responses")
def create_response() -> Response:
    """Answer a Responses request, whole or streamed; one that ends in a ``compaction_trigger`` by a compaction."""
    who, body = caller_and_body()
    check_responses(body)
    store = _store(who)
    history = _history(store, body)
    compacts = asks_compaction(body)
    sent = summary_request(body) if compacts else body
    call = call_of(who, body, "responses", "resp_", [*history, *items_of(body.get("input"))], sent)
    kept = KeptResponse(call, None if body.get("store") is False else store, running_responses())
    return _answered(who, call, sent, store, history, kept, compacts=compacts)


@bp.post("/responses/compact")
def compact_conversation() -> Response:
    """Answer with one item that stands for a whole conversation."""
    who, told = caller_and_body()
    check_compact(told)
    body = {name: value for name, value in told.items() if name not in ("stream", "stream_options")}
    store = _store(who)
    history = _history(store, body)
    sent = summary_request(body)
    call = call_of(who, body, COMPACT_ENDPOINT, "resp_", [*history, *items_of(body.get("input"))], sent)
    kept = KeptResponse(call, None, running_responses())
    return _answered(who, call, sent, store, history, kept, compacts=True)


@bp.post("/responses/input_tokens")
def count_input_tokens() -> Response:
    """Estimate how many tokens a request would be; nothing is sent, nothing is counted."""
    who, body = caller_and_body()
    check_responses(body)
    check_model(who, body.get("model"))
    store = _store(who)
    history = _history(store, body)
    read_request(body, history=history, open_sealed=_seals(who).open, lookup=store.item)
    tokens = measured(body, [*history, *items_of(body.get("input"))]).tokens
    counted = {"object": "response.input_tokens", "input_tokens": tokens}
    return json_answer(counted, quota_headers(current_standing(who), "responses"))


@bp.get("/responses/<response_id>")
def retrieve_response(response_id: str) -> Response:
    """Show a stored response."""
    who = caller()
    if request.args.get("stream") == "true":
        raise InvalidRequest(
            "stream: events are not kept; retrieve the response without it.",
            code="unsupported_parameter",
            param="stream",
        )
    return json_answer(_stored(who, response_id), quota_headers(current_standing(who), "responses"))


@bp.delete("/responses/<response_id>")
def delete_response(response_id: str) -> Response:
    """Delete a stored response."""
    who = caller()
    if not _store(who).forget(response_id):
        raise UnknownResponse(response_id)
    gone = {"id": response_id, "object": "response.deleted", "deleted": True}
    return json_answer(gone, quota_headers(current_standing(who), "responses"))


@bp.get("/responses/<response_id>/input_items")
def list_input_items(response_id: str) -> Response:
    """List what a stored response was asked, a page at a time."""
    who = caller()
    items = _store(who).input_items(response_id)
    if items is None:
        raise UnknownResponse(response_id)
    page = _page(items, request.args)
    return json_answer(page, quota_headers(current_standing(who), "responses"))


@bp.post("/responses/<response_id>/cancel")
def cancel_response(response_id: str) -> Response:
    """Stop a response that is still being streamed, whichever worker or machine streams it."""
    who = caller()
    stopped = _store(who).cancel(response_id, running_responses().stop)
    if stopped is None:
        raise UnknownResponse(response_id)
    return json_answer(stopped, quota_headers(current_standing(who), "responses"))


def _answered(
    who: Caller,
    call: Call,
    sent: dict[str, Any],
    store: ResponseStore,
    history: list[dict[str, Any]],
    kept: KeptResponse,
    *,
    compacts: bool,
) -> Response:
    seals = _seals(who)
    asked = read_request(sent, history=history, open_sealed=seals.open, lookup=store.item)
    result_ids = None if compacts else item_result_ids([*history, *items_of(sent.get("input"))])
    kind = CompactionExchanges if compacts else ResponsesExchanges

    def exchanges(new_call_id: NewCallId) -> Exchanges:
        return kind(call, asked, history, kept, seals, new_call_id, store.item)

    return answer(who, call, result_ids, exchanges, kept)


def _history(store: ResponseStore, body: dict[str, Any]) -> list[dict[str, Any]]:
    previous = body.get("previous_response_id")
    return store.history(previous) if previous is not None else []


def _seals(who: Caller) -> Seals:
    return Seals(services().keyring, who.account_id)


def _store(who: Caller) -> ResponseStore:
    house = services()
    service = house.catalog.service
    most_bytes = service.max_body_mb * 1024 * 1024
    return ResponseStore(house.storage, who.account_id, service.stored_response_days, most_bytes)


def _stored(who: Caller, response_id: str) -> dict[str, Any]:
    found = _store(who).response(response_id)
    if found is None:
        raise UnknownResponse(response_id)
    return found


def _page(items: list[dict[str, Any]], args: Any) -> dict[str, Any]:
    order = args.get("order", "desc")
    if order not in ("asc", "desc"):
        raise InvalidRequest("order: expected asc or desc.", param="order")
    try:
        limit = int(args.get("limit", _PAGE))
    except ValueError:
        limit = 0
    if not 1 <= limit <= _MOST_A_PAGE:
        raise InvalidRequest(f"limit: expected 1 to {_MOST_A_PAGE}.", param="limit")
    ordered = items if order == "asc" else items[::-1]
    after = args.get("after")
    if after is not None:
        places = [place for place, item in enumerate(ordered) if item["id"] == after]
        if not places:
            raise InvalidRequest("after: no item of this response has this id.", param="after")
        ordered = ordered[places[0] + 1 :]
    data = ordered[:limit]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": len(ordered) > limit,
    }
