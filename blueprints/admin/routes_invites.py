"""Invites: making, listing and revoking them; and the mails that could not be sent."""

from __future__ import annotations

from datetime import timedelta

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from blueprints.admin.acting import acting
from blueprints.admin.blueprint import bp
from blueprints.admin.forms_invites import InviteForm
from service import refusals
from service.accounts import invites
from service.accounts.invites import HandedOut
from service.mail import queue as mail_queue
from service.services import services

_MADE = "made_invite"  # in the cookie, from the answer to the form to the page after it


@bp.route("/invites", methods=["GET", "POST"], endpoint="invites")
def show_invites() -> ResponseReturnValue:
    """Show invites and mails in trouble; by POST, make an invite, whose link the next page shows once."""
    form = InviteForm()
    form.offer_plans()
    if not form.validate_on_submit():
        return _page(form)
    email, lifetime = (form.email.data or "").strip() or None, timedelta(days=form.days.data)
    try:
        made = invites.make(acting(request.remote_addr), email, form.plan.data, lifetime)
    except (refusals.UnfitEmail, refusals.EmailTaken, refusals.Suspended) as error:
        form.email.errors = [str(error)]
        return _page(form)
    except refusals.MembershipError as error:
        form.form_errors.append(str(error))
        return _page(form)
    session[_MADE] = _told(made)
    return redirect(url_for("admin.invites"), 303)


@bp.post("/invites/revoke")
def revoke_invite() -> ResponseReturnValue:
    """Make an open invite worthless."""
    number = request.form.get("invite", 0, type=int)
    try:
        invites.revoke(acting(request.remote_addr), number)
    except refusals.NoSuchInvite as error:
        flash(str(error))
    else:
        flash(f"Invite {number} is revoked: its link does not work any more.")
    return redirect(url_for("admin.invites", _anchor="open"), 303)


def _page(form: InviteForm) -> ResponseReturnValue:
    house = services()
    page = render_template(
        "admin/invites.html",
        form=form,
        made=session.pop(_MADE, None),
        catalog=house.catalog,
        is_closed=house.catalog.service.registration == "closed",
        open_invites=invites.open_invites(),
        ended_invites=invites.ended_invites(),
        mail_server=house.catalog.mail_server,
        mails=mail_queue.in_trouble(),
    )
    return page, 422 if form.errors else 200


def _told(made: HandedOut) -> dict[str, str | bool | None]:
    return {
        "link": made.address,
        "email": made.invite.email,
        "plan": made.invite.plan_slug,
        "is_mailed": made.is_mailed,
        "trouble": made.trouble,
    }
