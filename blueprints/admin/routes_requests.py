"""The requests of all accounts as a list and as CSV, and one of them by its id: how it was routed."""

from __future__ import annotations

from datetime import datetime

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.admin.asked_requests import KINDS, OUTCOMES, Asked, asked_of
from blueprints.admin.blueprint import bp
from blueprints.admin.not_understood import NotUnderstood
from blueprints.admin.requests_csv import requests_csv
from blueprints.admin.routes import overview
from blueprints.admin.timeline import timeline_of
from lines import line_colours, line_letters
from models.usage_filter import Wanted
from models.usage_names import used_names
from models.usage_search import MOST_EXPORTED, Page, newest, page_after, page_before
from readable import duration
from service.reports import receipts
from service.reports.request_search import wanted_of
from service.services import services

REQUESTS_ON_A_PAGE = 50
_LONGEST_SHOWN = 80


@bp.get("/requests")
def requests_page() -> ResponseReturnValue:
    """List the requests that fit a filter, newest first; an id leads to its receipt."""
    if "id" in request.args:
        return _look_up(request.args["id"].strip())
    house = services()
    try:
        asked = asked_of(request.args, house.calendar.zone)
    except NotUnderstood as error:
        return _list(dict(request.args), fault=str(error), fault_at=error.field), 422
    wanted = wanted_of(asked.wanted, asked.account)
    if wanted is None:
        return _list(asked.typed, fault="No account has this address.", fault_at="account"), 404
    return _list(asked.typed, listed=_page(asked, wanted))


@bp.get("/requests.csv")
def requests_as_csv() -> ResponseReturnValue:
    """Send the newest requests that fit a filter, a line each."""
    house = services()
    zone = house.calendar.zone
    try:
        asked = asked_of(request.args, zone)
    except NotUnderstood as error:
        return _list(dict(request.args), fault=str(error), fault_at=error.field), 422
    wanted = wanted_of(asked.wanted, asked.account)
    if wanted is None:
        return _list(asked.typed, fault="No account has this address.", fault_at="account"), 404
    response = Response(requests_csv(newest(house.storage, wanted), zone), mimetype="text/csv")
    name = f"{house.catalog.service.slug}-requests-{datetime.now(zone):%Y-%m-%d-%H%M}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _page(asked: Asked, wanted: Wanted) -> Page:
    storage = services().storage
    if asked.after is not None:
        return page_after(storage, wanted, asked.after, REQUESTS_ON_A_PAGE)
    return page_before(storage, wanted, asked.before, REQUESTS_ON_A_PAGE)


def _list(
    typed: dict[str, str], *, listed: Page | None = None, fault: str | None = None, fault_at: str | None = None
) -> str:
    house = services()
    names = used_names(house.storage)
    profiles = house.catalog.profiles
    aliases = list(dict.fromkeys([*(profile.alias for profile in profiles), *names.aliases]))
    shown = {each.row.alias_served for each in listed.requests} if listed else set()
    known = [*aliases, *sorted(shown.difference(aliases))]
    upstreams = list(dict.fromkeys([*(each.name for each in house.catalog.upstreams), *names.upstreams]))
    return render_template(
        "admin/requests.html",
        typed=typed,
        listed=listed,
        fault=fault,
        fault_at=fault_at,
        aliases=aliases,
        upstreams=upstreams,
        error_codes=names.error_codes,
        outcomes=OUTCOMES,
        kinds=KINDS,
        most_exported=MOST_EXPORTED,
        lines={
            "colours": line_colours(tuple(known)),
            "letters": line_letters(tuple(known)),
            "names": {profile.alias: profile.name for profile in profiles},
        },
        zone=house.calendar.zone,
        words=receipts,
        duration=duration,
    )


def _look_up(wanted: str) -> ResponseReturnValue:
    """Lead from the form to the request's page."""
    if not wanted:
        return overview(fault="Enter a request id, such as req_ and 32 characters."), 422
    if "/" in wanted or "\\" in wanted or wanted in (".", ".."):  # no path of ours, and no id either
        return _unknown(wanted)
    return redirect(url_for("admin.show_request", request_id=wanted), 303)


@bp.get("/requests/<request_id>")
def show_request(request_id: str) -> ResponseReturnValue:
    """Show the receipt of a request."""
    found = receipts.find(request_id)
    if found is None:
        return _unknown(request_id)
    catalog = services().catalog
    return render_template(
        "admin/request.html",
        found=found,
        row=found.row,
        routing=found.routing or {},
        timeline=timeline_of(found),
        profile=catalog.profile(found.row.alias_served),
        zone=catalog.service.timezone,
        words=receipts,
    )


def _unknown(wanted: str) -> ResponseReturnValue:
    shown = wanted if len(wanted) <= _LONGEST_SHOWN else wanted[:_LONGEST_SHOWN] + "…"
    fault = (
        f"The usage log has no request {shown!r}. One that was refused before admission stands in the service's log."
    )
    return overview(fault=fault, wanted=shown), 404
