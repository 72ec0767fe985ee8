"""A request by its id: what became of it, and how it was routed."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.admin.blueprint import bp
from blueprints.admin.routes import overview
from blueprints.admin.timeline import timeline_of
from service import receipts
from service.services import services

_LONGEST_SHOWN = 80


@bp.get("/requests")
def look_up() -> ResponseReturnValue:
    """Lead from the form to the request's page."""
    wanted = request.args.get("id", "").strip()
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
