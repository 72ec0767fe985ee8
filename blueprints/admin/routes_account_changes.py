"""What an operator changes on the page of an account; each form leads back to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.admin.acting import acting
from blueprints.admin.blueprint import bp
from blueprints.admin.routes_accounts import account_page
from models.quota import Bonus
from service import refusals
from service.accounts import account_book, bonuses, deletion, holdings, membership, operators
from service.accounts.audit import Actor
from service.mail import queue as mail_queue
from service.mail import reset_mail
from service.signing_in import reset_links, totp

_WHOLE = re.compile(r"[0-9]{1,12}", re.ASCII)


@bp.post("/accounts/<int:account_id>/plan")
def change_plan(account_id: int) -> ResponseReturnValue:
    """Move the account to a plan."""
    try:
        plan = holdings.set_plan(account_id, request.form.get("plan", ""), by=_by())
    except refusals.UnknownPlan as error:
        return account_page(account_id, faults={"plan": str(error)}), 422
    return _back(account_id, f"The plan is {plan.name}, from the next request on.")


@bp.post("/accounts/<int:account_id>/bonus")
def give_bonus(account_id: int) -> ResponseReturnValue:
    """Add prompts to the quota until a day."""
    typed = {name: request.form.get(name, "").strip() for name in ("daily", "monthly", "until")}
    try:
        bonus = bonuses.give(account_id, _bonus(typed), by=_by())
    except refusals.UnfitBonus as error:
        return account_page(account_id, typed=typed, faults={"bonus": str(error)}), 422
    return _back(account_id, f"The bonus holds until the end of {bonus.until.isoformat()}.")


@bp.post("/accounts/<int:account_id>/bonus/remove")
def remove_bonus(account_id: int) -> ResponseReturnValue:
    """End the bonus now."""
    was_there = bonuses.remove(account_id, by=_by())
    return _back(account_id, "The bonus is removed." if was_there else "There was no bonus.")


@bp.post("/accounts/<int:account_id>/suspend")
def suspend_account(account_id: int) -> ResponseReturnValue:
    """Stop the account's token and its sign-ins."""
    return _changed(account_id, lambda by: membership.suspend(account_id, by=by), "The account is suspended.")


@bp.post("/accounts/<int:account_id>/resume")
def resume_account(account_id: int) -> ResponseReturnValue:
    """Let the account go on."""
    return _changed(account_id, lambda by: membership.resume(account_id, by=by), "The account goes on.")


@bp.post("/accounts/<int:account_id>/reset-link")
def make_reset_link(account_id: int) -> ResponseReturnValue:
    """Make a link that sets the password, and show it in this answer alone: no cookie and no log holds it."""
    try:
        link = reset_links.hand_out(account_id, by=_by())
    except refusals.Suspended:
        return _back(account_id, "The account is suspended. Resume it first, then make the link.")
    return account_page(account_id, link=link)


@bp.post("/accounts/<int:account_id>/reset-mail")
def mail_reset_link(account_id: int) -> ResponseReturnValue:
    """Have a link mailed to the member that sets the password; the operator never sees it."""
    if not mail_queue.is_on():
        return _back(account_id, "No mail server is configured. Make the link here and hand it over.")
    try:
        email = reset_mail.send(account_id, by=_by())
    except refusals.Suspended:
        return _back(account_id, "The account is suspended. Resume it first, then mail the link.")
    return _back(account_id, f"A reset link is on its way to {email}.")


@bp.post("/accounts/<int:account_id>/sign-out")
def sign_out_account(account_id: int) -> ResponseReturnValue:
    """Sign the account out everywhere."""
    return _changed(
        account_id, lambda by: membership.sign_out(account_id, by=by), "Every browser of the account is signed out."
    )


@bp.post("/accounts/<int:account_id>/two-step/off")
def switch_totp_off(account_id: int) -> ResponseReturnValue:
    """Ask a member who lost phone and recovery codes for no code any more; oneself only with password and code."""
    if _is_own(account_id):
        return redirect(url_for("auth.switch_totp_off"), 303)
    was_on = totp.switch_off_for(account_id, _by())
    return _back(account_id, "The two-step sign-in is off." if was_on else "The two-step sign-in was off already.")


@bp.post("/accounts/<int:account_id>/token/regenerate")
def regenerate_token(account_id: int) -> ResponseReturnValue:
    """Replace the token; the new one is the member's to see, not the operator's."""
    holdings.regenerate_token(account_id, by=_by())
    return _back(account_id, "There is a new token, which the member finds in the documentation. The old one stopped.")


@bp.post("/accounts/<int:account_id>/token/revoke")
def revoke_token(account_id: int) -> ResponseReturnValue:
    """Stop the token until somebody makes a new one."""
    was_live = holdings.revoke_token(account_id, by=_by())
    return _back(account_id, "The token is revoked." if was_live else "There was no live token.")


@bp.post("/accounts/<int:account_id>/operator")
def change_role(account_id: int) -> ResponseReturnValue:
    """Make an operator of a member, or the other way round."""
    if request.form.get("operator") == "yes":
        return _changed(account_id, lambda by: operators.make(account_id, by=by), "The account is an operator's.")
    return _changed(account_id, lambda by: operators.unmake(account_id, by=by), "The account is a member's.")


@bp.post("/accounts/<int:account_id>/delete")
def delete_account(account_id: int) -> ResponseReturnValue:
    """Delete the account, once its address was typed."""
    shown = account_book.show(account_id)
    if shown is None:
        raise refusals.NoSuchAccount("This account does not exist any more.")
    email = shown.held.member.email
    if request.form.get("email", "").strip().lower() != email:
        return account_page(account_id, faults={"delete": "Type the address of the account to delete it."}), 422
    try:
        deletion.delete(account_id, by=_by())
    except refusals.LastOperator as error:
        return account_page(account_id, faults={"delete": str(error)}), 409
    flash(f"{email} is deleted.")
    return redirect(url_for("auth.sign_in" if _is_own(account_id) else "admin.accounts"), 303)


def _by() -> Actor:
    return acting(request.remote_addr)


def _is_own(account_id: int) -> bool:
    return bool(current_user.member.id == account_id)


def _changed(account_id: int, change: Callable[[Actor], None], done: str) -> ResponseReturnValue:
    try:
        change(_by())
    except refusals.LastOperator as error:
        return _back(account_id, str(error))
    if _is_own(account_id):  # who may not open this page any more, or is signed out
        flash(done)
        return redirect(url_for("account.page"), 303)
    return _back(account_id, done)


def _back(account_id: int, said: str) -> ResponseReturnValue:
    flash(said)
    return redirect(url_for("admin.account", account_id=account_id), 303)


def _bonus(typed: dict[str, str]) -> Bonus:
    numbers = {name: typed[name].replace(",", "") or "0" for name in ("daily", "monthly")}
    if not all(_WHOLE.fullmatch(number) for number in numbers.values()):
        raise refusals.UnfitBonus("Write prompts as whole numbers, such as 500.")
    try:
        until = date.fromisoformat(typed["until"])
    except ValueError:
        raise refusals.UnfitBonus("Write the last day as 2026-12-31.") from None
    return Bonus(int(numbers["daily"]), int(numbers["monthly"]), until)
