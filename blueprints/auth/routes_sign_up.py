"""Sign-up, and the confirmation of its address where mail is configured."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.auth.blueprint import bp
from blueprints.auth.form_page import form_page
from blueprints.auth.forms import ButtonForm, ChosenPasswordForm, NewAccountForm
from blueprints.auth.login import start_session
from blueprints.auth.throttling import chosen_password_attempt, confirmation_attempt, sign_up_attempt
from blueprints.auth.waiting_browser import browser_secret, remember, waiting_here
from return_path import own_path
from service import refusals
from service.accounts import membership
from service.mail import queue as mail_queue
from service.services import services
from service.signing_in import confirmation


@bp.route("/sign-up", methods=["GET", "POST"])
def sign_up() -> ResponseReturnValue:
    """Make a member's account and go on to where the visitor was headed; with mail, have the address confirmed."""
    wanted = own_path(request.args.get("next"))
    target = wanted or url_for("docs.documentation")
    if current_user.is_authenticated:
        return redirect(target, 303)
    if services().catalog.service.registration != "open":
        return render_template("auth/closed.html"), 200 if request.method in ("GET", "HEAD") else 403
    form = NewAccountForm()
    shown = {"wanted": wanted, "opens_next": what_opens(target), "is_mailed": mail_queue.is_on()}
    if not form.validate_on_submit():
        return form_page("auth/sign_up.html", form, **shown)
    sign_up_attempt(request.remote_addr or "")
    if mail_queue.is_on():
        confirmation_attempt(request.remote_addr or "", form.email.data)
        remember(session, confirmation.sign_up(form.email.data, form.password.data, wanted=wanted or ""))
        return redirect(url_for("auth.sign_up_sent"), 303)
    try:
        member = membership.sign_up(form.email.data, form.password.data)
    except refusals.EmailTaken:
        form.email.errors = ["An account with this address exists already. Sign in instead."]
        return form_page("auth/sign_up.html", form, **shown)
    except refusals.Suspended as error:
        form.email.errors = [str(error)]
        return form_page("auth/sign_up.html", form, **shown)
    start_session(member)
    return redirect(target, 303)


@bp.route("/sign-up/sent", methods=["GET", "POST"])
def sign_up_sent() -> ResponseReturnValue:
    """Say where the mail went; by POST, send another one."""
    waits = waiting_here(session)
    if waits is None:
        return redirect(url_for("auth.sign_up"), 303)
    form = ButtonForm()
    if form.validate_on_submit():
        confirmation_attempt(request.remote_addr or "", waits.email)
        confirmation.send_again(waits)
        flash("Another mail is on its way. Its link takes the place of the one before.")
        return redirect(url_for("auth.sign_up_sent"), 303)
    in_trouble = confirmation.mail_is_in_trouble(waits)
    return form_page("auth/sign_up_sent.html", form, email=waits.email, in_trouble=in_trouble)


@bp.route("/confirm/<secret>", methods=["GET", "POST"], strict_slashes=False)
def confirm(secret: str) -> ResponseReturnValue:
    """Confirm an address by the link in the mail, which looking at the page does not use up; then sign in."""
    here = browser_secret(session)
    try:
        found = confirmation.unconfirmed(secret, here)
        form = ButtonForm() if found.is_this_browser else ChosenPasswordForm()
        if not form.validate_on_submit():
            return form_page("auth/confirm.html", form, email=found.email)
        attempt = None if found.is_this_browser else chosen_password_attempt(found.id)
        password = "" if found.is_this_browser else form.password.data
        member = confirmation.confirm(secret, browser_secret=here, password=password)
    except refusals.WrongPassword as error:
        form.password.errors = [str(error)]
        return form_page("auth/confirm.html", form, email=found.email)
    except refusals.RegistrationClosed:
        return render_template("auth/closed.html"), 403
    except refusals.EmailTaken:
        flash("This address has an account already. Sign in.")
        return redirect(url_for("auth.sign_in"), 303)
    except (refusals.LinkNotUsable, refusals.UnknownPlan, refusals.Suspended) as error:
        is_suspended = isinstance(error, refusals.Suspended)
        return render_template("auth/confirm_refused.html", is_suspended=is_suspended), 410
    if attempt is not None:
        attempt.succeeded()
    start_session(member)
    flash("Your address is confirmed, and your account is made.")
    return redirect(own_path(found.wanted) or url_for("docs.documentation"), 303)


def what_opens(target: str) -> str:
    """Say in one sentence what a new member sees next."""
    page = urlsplit(target)
    if page.path == url_for("docs.documentation"):
        return "The documentation opens next, with your plan and your token."
    if page.path == url_for("plans.page"):
        asked = services().catalog.plan(parse_qs(page.query).get("to", [""])[0])
        return f"The plans open next{f', with {asked.name} chosen' if asked else ''}."
    return "The page that you came for opens next."
