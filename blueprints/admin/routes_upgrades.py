"""The operator's word on an upgrade request."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.admin.acting import acting
from blueprints.admin.blueprint import bp
from blueprints.admin.routes import overview
from service import refusals
from service.accounts import upgrades

_DECISIONS = {"approve": upgrades.approve, "decline": upgrades.decline}


@bp.post("/upgrades")
def decide_upgrade() -> ResponseReturnValue:
    """Approve or decline a request, with a message to its member or without one."""
    decide = _DECISIONS.get(request.form.get("decision", ""))
    number, message = request.form.get("request", 0, type=int), request.form.get("message", "")
    if decide is None:
        return overview(unfit=number, message=message, unfit_why="Approve the request or decline it."), 422
    try:
        done = decide(number, by=acting(request.remote_addr), message=message)
    except refusals.UnfitNote as error:
        return overview(unfit=number, message=message, unfit_why=str(error)), 422
    except refusals.MembershipError as error:
        flash(str(error))
    else:
        flash(f"The request of {done.email} for {done.to_plan} is {done.state}.")
    return redirect(url_for("admin.page", _anchor="upgrades"), 303)
