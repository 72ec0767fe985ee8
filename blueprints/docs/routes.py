"""The documentation page with its token box."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from blueprints.docs.overview import overview_of
from blueprints.docs.page_facts import page_facts
from service.accounts import holdings
from service.services import services

bp = Blueprint("docs", __name__)

CONFIRMED = "yes"
ERROR_TABLE = "smartroute_error_table"  # made by app.py from the errors of the API, which pages must not import


@bp.get("/docs")
def documentation() -> ResponseReturnValue:
    """Show the documentation, with plan, quota and token box to whoever is signed in."""
    asked = request.args.get("confirm")
    return _documentation(confirm=asked if asked in ("regenerate", "revoke") else None)


@bp.get("/docs/")
def with_slash() -> ResponseReturnValue:
    """Lead an address typed with a slash at its end to the page."""
    query = request.query_string.decode("latin-1")
    return redirect(f"/docs?{query}" if query else "/docs", 308)


@bp.post("/docs/token/reveal")
@login_required
def reveal_token() -> ResponseReturnValue:
    """Answer with the whole token: as a page, or as JSON to the copy button."""
    if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
        return jsonify(token=overview_of(current_user.member.id).token)
    return _documentation(reveal=True)


@bp.post("/docs/token/create")
@login_required
def create_token() -> ResponseReturnValue:
    """Make a token where the last one was revoked."""
    if holdings.holding(current_user.member.id).token is None:
        holdings.regenerate_token(current_user.member.id)
        flash("A new token was made.")
    return _to_token_box()


@bp.post("/docs/token/regenerate")
@login_required
def regenerate_token() -> ResponseReturnValue:
    """Replace the token, once the member has pressed the second time."""
    if request.form.get("confirm") != CONFIRMED:
        return _to_token_box(confirm="regenerate")
    holdings.regenerate_token(current_user.member.id)
    flash("A new token was made. The old one has stopped working.")
    return _to_token_box()


@bp.post("/docs/token/revoke")
@login_required
def revoke_token() -> ResponseReturnValue:
    """Stop the token, once the member has pressed the second time."""
    if request.form.get("confirm") != CONFIRMED:
        return _to_token_box(confirm="revoke")
    holdings.revoke_token(current_user.member.id)
    flash("The token was revoked. Requests with it are refused from now on.")
    return _to_token_box()


def _documentation(*, reveal: bool = False, confirm: str | None = None) -> ResponseReturnValue:
    catalog = services().catalog
    overview = None
    if current_user.is_authenticated:
        overview = overview_of(current_user.member.id)
    return render_template(
        "docs/documentation.html",
        catalog=catalog,
        overview=overview,
        fact=page_facts(catalog, overview, reveal=reveal),
        errors=current_app.extensions[ERROR_TABLE],
        reveal=reveal,
        confirm=confirm,
    )


def _to_token_box(confirm: str | None = None) -> ResponseReturnValue:
    return redirect(url_for("docs.documentation", confirm=confirm, _anchor="token"), 303)
