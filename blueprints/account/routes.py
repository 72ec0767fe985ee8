"""The account page: address, plan, signed-in browsers. What asks for the password stands in ``blueprints.auth``."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from blueprints.account.devices import device_of
from service.accounts import upgrades
from service.accounts.held_plan import held_plan
from service.services import services
from service.signing_in import sign_ins, totp

bp = Blueprint("account", __name__)


@bp.get("/account")
@login_required
def page() -> ResponseReturnValue:
    """Show the member's own account."""
    account_id = current_user.member.id
    return render_template(
        "account/account.html",
        catalog=services().catalog,
        held=held_plan(account_id),
        upgrade=upgrades.latest_of(account_id),
        browsers=[(each, device_of(each.user_agent)) for each in sign_ins.browsers(account_id)],
        this_id=current_user.browser.id,
        two_step=totp.state(account_id),
    )


@bp.get("/account/")
def with_slash() -> ResponseReturnValue:
    """Lead an address typed with a slash at its end to the page."""
    return redirect(url_for("account.page"), 308)


@bp.post("/account/browsers/sign-out")
@login_required
def sign_out_browser() -> ResponseReturnValue:
    """Sign out one other browser of this account."""
    browser_id = request.form.get("browser", type=int)
    # One that is gone, and one of somebody else, are the same: not signed in to this account.
    if browser_id is not None and browser_id != current_user.browser.id:
        sign_ins.end(current_user.member.id, browser_id)
        flash("That browser is signed out.")
    return redirect(url_for("account.page", _anchor="browsers"), 303)


@bp.post("/account/browsers/sign-out-others")
@login_required
def sign_out_others() -> ResponseReturnValue:
    """Sign out every browser but the one that asks."""
    ended = sign_ins.end_others(current_user.member.id, current_user.browser.id)
    flash("No other browser was signed in." if not ended else "All other browsers are signed out.")
    return redirect(url_for("account.page", _anchor="browsers"), 303)
