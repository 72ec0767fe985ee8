"""The plans page: every plan, what a change would mean, which one would have fitted, asking for one."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from blueprints.plans.comparison import comparison
from service import refusals
from service.accounts import holdings, upgrades
from service.accounts.held_plan import held_plan
from service.accounts.plan_fit import fit_of
from service.services import services

bp = Blueprint("plans", __name__)


@bp.get("/plans")
def page() -> ResponseReturnValue:
    """Show every plan, the visitor's own marked; the API's 429 answers point here.

    ``?to=SLUG`` compares the member's plan with another and offers to ask for it.
    """
    return _page(request.args.get("to"))


@bp.get("/plans/")
def with_slash() -> ResponseReturnValue:
    """Lead an address typed with a slash at its end to the page."""
    query = request.query_string.decode("latin-1")
    return redirect(f"/plans?{query}" if query else "/plans", 308)


@bp.post("/plans/start")
@login_required
def start() -> ResponseReturnValue:
    """Activate the first plan for a member who has none, as the documentation does, and go on to the chosen one."""
    holdings.equip(current_user.member.id)
    return redirect(url_for("plans.page", to=request.form.get("to") or None, _anchor="change"), 303)


@bp.post("/plans/request")
@login_required
def ask() -> ResponseReturnValue:
    """Ask the operator for another plan."""
    slug, note = request.form.get("plan", ""), request.form.get("note", "")
    try:
        upgrades.request(current_user.member.id, slug, note)
    except refusals.UnfitNote as error:
        return _page(slug, note=note, fault=str(error)), 422
    except refusals.MembershipError as error:
        flash(str(error))
    else:
        flash("Your request is on its way to the operator. Until it is decided, nothing changes.")
    return redirect(url_for("plans.page"), 303)


@bp.post("/plans/withdraw")
@login_required
def withdraw() -> ResponseReturnValue:
    """Take the member's own request back."""
    try:
        upgrades.withdraw(current_user.member.id, request.form.get("request", 0, type=int))
    except refusals.MembershipError as error:
        flash(str(error))
    else:
        flash("Your request is withdrawn. Your plan stays as it is.")
    return redirect(url_for("account.page" if request.form.get("back") == "account" else "plans.page"), 303)


def _page(wanted: str | None, *, note: str = "", fault: str = "") -> str:
    catalog = services().catalog
    if not current_user.is_authenticated:
        return render_template("plans/plans.html", catalog=catalog, own_plan=None)
    account_id = current_user.member.id
    held = held_plan(account_id)
    own_plan = None if held is None else held.plan
    target = catalog.plan(wanted) if wanted else None
    if target == own_plan:
        target = None
    return render_template(
        "plans/plans.html",
        catalog=catalog,
        held=held,
        own_plan=own_plan,
        upgrade=upgrades.latest_of(account_id),
        fit=None if own_plan is None else fit_of(account_id),
        target=target,
        comparison=None if own_plan is None or target is None else comparison(own_plan, target),
        note=note,
        fault=fault,
    )
