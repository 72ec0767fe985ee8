"""The plans page."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from catalog.model import Plan
from service import holdings
from service.services import services

bp = Blueprint("plans", __name__)


@bp.get("/plans")
def page() -> ResponseReturnValue:
    """Show every plan, the visitor's own marked; the API's 429 answers point here."""
    own_plan = _plan_of(current_user.member.id) if current_user.is_authenticated else None
    return render_template("plans/plans.html", catalog=services().catalog, own_plan=own_plan)


@bp.get("/plans/")
def with_slash() -> ResponseReturnValue:
    """Lead an address typed with a slash at its end to the page."""
    query = request.query_string.decode("latin-1")
    return redirect(f"/plans?{query}" if query else "/plans", 308)


def _plan_of(account_id: int) -> Plan | None:
    """Return the account's plan; None before its first visit to the documentation page."""
    slug = holdings.holding(account_id).plan_slug
    return None if slug is None else services().catalog.plan(slug)
