"""Sign-in, sign-out, and the page that makes the first operator."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.auth.blueprint import bp
from blueprints.auth.form_page import form_page
from blueprints.auth.forms import NewAccountForm, SignInForm
from blueprints.auth.login import end_session, known_browser, sign_in_and_go, start_session
from blueprints.auth.throttling import sign_in_attempt
from return_path import own_path
from service import refusals
from service.accounts import membership, operator_link
from service.mail import queue as mail_queue


@bp.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """Sign in and go on to where the visitor was headed."""
    wanted = own_path(request.args.get("next"))
    target = wanted or url_for("docs.documentation")
    if current_user.is_authenticated:
        return redirect(target, 303)
    form = SignInForm()
    if not form.validate_on_submit():
        return form_page("auth/sign_in.html", form, wanted=wanted)
    attempt = sign_in_attempt(request.remote_addr or "", form.email.data, known_browser(form.email.data))
    try:
        member = membership.authenticate(form.email.data, form.password.data)
    except refusals.Suspended as error:
        attempt.succeeded()
        form.form_errors.append(str(error))
        return form_page("auth/sign_in.html", form, wanted=wanted)
    if member is None:
        form.form_errors.append("E-mail address and password do not belong together. Check both.")
        if mail_queue.is_on():  # whether it is so would tell strangers whether there is an account
            form.form_errors.append("Signed up just now? Use the link in the mail first.")
        return form_page("auth/sign_in.html", form, wanted=wanted)
    attempt.succeeded()
    return sign_in_and_go(member, target)


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Sign out in this browser."""
    end_session()
    flash("You are signed out.")
    return redirect(url_for("product.page"), 303)


@bp.route("/operator", methods=["GET", "POST"])
def operator() -> ResponseReturnValue:
    """Make the first operator's account by the one-time link and sign in."""
    link_secret = request.args.get("link", "")
    if not operator_link.operator_link_is_usable(link_secret):
        return _link_refused()
    form = NewAccountForm()
    if not form.validate_on_submit():
        return form_page("auth/operator.html", form)
    try:
        member = operator_link.create_first_operator(
            link_secret, form.email.data, form.password.data, place=request.remote_addr or "no address"
        )
    except refusals.LinkNotUsable:
        return _link_refused()
    except refusals.EmailTaken:
        form.email.errors = ["A member's account has this address. Use another one for the operator."]
        return form_page("auth/operator.html", form)
    start_session(member)
    flash("The operator's account is made. Its token is in the documentation.")
    return redirect(url_for("admin.page"), 303)


@bp.errorhandler(refusals.AccountChanged)
def sign_in_again(error: refusals.AccountChanged) -> ResponseReturnValue:
    """Tell somebody whose proof became worthless while it was looked at to prove it again."""
    flash(str(error))
    return redirect(url_for("auth.sign_in"), 303)


@bp.app_errorhandler(refusals.NoSuchAccount)
def account_is_gone(error: refusals.NoSuchAccount) -> ResponseReturnValue:
    """Tell somebody whose account was deleted while the request was under way, on whichever page."""
    end_session()
    flash(str(error))
    return redirect(url_for("auth.sign_in"), 303)


def _link_refused() -> ResponseReturnValue:
    return render_template("auth/operator_refused.html", operator_exists=operator_link.operator_exists()), 410
