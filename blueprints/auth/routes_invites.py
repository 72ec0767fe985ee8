"""The page behind an invite: it makes one account."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.auth.blueprint import bp
from blueprints.auth.form_page import form_page
from blueprints.auth.forms import InvitedForm, NewAccountForm
from blueprints.auth.login import start_session
from blueprints.auth.throttling import confirmation_attempt, sign_up_attempt
from blueprints.auth.waiting_browser import remember
from service import refusals
from service.accounts import invites
from service.mail import queue as mail_queue
from service.signing_in import confirmation


@bp.route("/invite/<secret>", methods=["GET", "POST"], strict_slashes=False)
def invite(secret: str) -> ResponseReturnValue:
    """Make an account by an invite, which looking at the page does not use up, and sign in.

    Where mail is configured, an address that the invite does not name is confirmed first.
    """
    try:
        found, plan = invites.usable(secret)
        if current_user.is_authenticated:
            return render_template("auth/invite_signed_in.html")
        form = NewAccountForm() if found.email is None else InvitedForm()
        is_mailed = found.email is None and mail_queue.is_on()
        shown = {"email": found.email, "plan": plan, "expires_at": found.expires_at, "is_mailed": is_mailed}
        if not form.validate_on_submit():
            return form_page("auth/invite.html", form, **shown)
        attempt = sign_up_attempt(request.remote_addr or "")
        if is_mailed:
            confirmation_attempt(request.remote_addr or "", form.email.data)
            remember(session, confirmation.sign_up(form.email.data, form.password.data, invite_id=found.id))
            return redirect(url_for("auth.sign_up_sent"), 303)
        member = invites.accept(secret, found.email or form.email.data, form.password.data)
    except refusals.RegistrationClosed:
        return render_template("auth/closed.html"), 403
    except (refusals.LinkNotUsable, refusals.UnknownPlan) as error:
        plan_is_gone = isinstance(error, refusals.UnknownPlan)
        return render_template("auth/invite_refused.html", plan_is_gone=plan_is_gone), 410
    except (refusals.EmailTaken, refusals.Suspended) as error:
        form.form_errors.append(_words(error))
        return form_page("auth/invite.html", form, **shown)
    attempt.succeeded()  # a team behind one address joins in an hour
    start_session(member)
    flash(f"Your account is made, on the plan {plan.name}.")
    return redirect(url_for("docs.documentation"), 303)


def _words(error: refusals.MembershipError) -> str:
    if isinstance(error, refusals.EmailTaken):
        return "An account with this address exists already. Sign in instead."
    return str(error)
