"""The accounts: a list that is searched and turned page by page, and one account with all that belongs to it."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.admin.blueprint import bp
from models import account_list
from service import refusals
from service.accounts import account_book, bonuses
from service.mail import queue as mail_queue
from service.services import services
from service.signing_in import totp

STATES = {
    account_list.ACTIVE: "Active",
    account_list.SUSPENDED: "Suspended",
    account_list.OPERATORS: "Operators",
    account_list.WITH_BONUS: "With a bonus",
}
_LONGEST = 254


@bp.get("/accounts")
def accounts() -> ResponseReturnValue:
    """Show accounts in the order of their addresses."""
    typed = {
        name: request.args[name].strip()[:_LONGEST]
        for name in ("prefix", "plan", "state")
        if request.args.get(name, "").strip()
    }
    catalog = services().catalog
    if typed.get("state", account_list.ACTIVE) not in STATES:
        return _list(typed, None, fault="Choose a state from the list."), 422
    wanted = account_list.Wanted(
        prefix=typed.get("prefix", "").lower(), plan_slug=typed.get("plan", ""), state=typed.get("state", "")
    )
    before, after = request.args.get("before") or None, request.args.get("after") or None
    return _list(typed, account_book.page(wanted, before=before, after=after), plans=catalog.plans)


@bp.get("/accounts/<int:account_id>")
def account(account_id: int) -> ResponseReturnValue:
    """Show one account."""
    return account_page(account_id)


@bp.errorhandler(refusals.NoSuchAccount)
def account_is_gone(error: refusals.NoSuchAccount) -> ResponseReturnValue:
    """Tell an operator whose form came too late."""
    flash(str(error))
    return redirect(url_for("admin.accounts"), 303)


def account_page(account_id: int, **more: object) -> str:
    """Return the page of one account, with the faults and what else a form of it leaves behind.

    Raises:
        NotFound: no living account has this number.
    """
    shown = account_book.show(account_id)
    if shown is None:
        abort(404)
    return render_template(
        "admin/account.html",
        shown=shown,
        held=shown.held,
        whom=shown.held.member,  # base.html calls whoever is signed in `member`
        is_own=account_id == current_user.member.id,
        plans=services().catalog.plans,
        today=bonuses.today(),
        zone=services().calendar.zone,
        two_step=totp.state(account_id),
        is_mailing=mail_queue.is_on(),
        **more,
    )


def _list(typed: dict[str, str], listed: account_book.Page | None, **more: object) -> str:
    plans = services().catalog.plans
    shown = {"plans": plans, **more}
    return render_template(
        "admin/accounts.html", typed=typed, listed=listed, states_of=STATES, zone=services().calendar.zone, **shown
    )
