"""Changing a password, setting a lost one by a link, and deleting the account, which asks for the password too."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required
from markupsafe import Markup

from blueprints.auth.blueprint import bp
from blueprints.auth.form_page import form_page
from blueprints.auth.forms import AddressForm, ChangePasswordForm, ConfirmForm, ResetPasswordForm
from blueprints.auth.login import end_session, sign_in_and_go, start_session
from blueprints.auth.throttling import proof_attempt, reset_attempt
from service import refusals
from service.accounts import deletion, holdings, membership
from service.mail import queue as mail_queue
from service.mail import reset_mail
from service.signing_in import reset_links


@bp.route("/forgot-password", methods=["GET", "POST"])
def forgot_password() -> ResponseReturnValue:
    """Have a link mailed that sets a new password; without a mail server say how the operator makes one."""
    if not mail_queue.is_on():
        return render_template("auth/forgot_password.html"), 200 if request.method in ("GET", "HEAD") else 403
    form = AddressForm()
    if not form.validate_on_submit():
        return form_page("auth/forgot_password_mail.html", form)
    reset_attempt(request.remote_addr or "", form.email.data)
    reset_mail.ask(form.email.data)
    return redirect(url_for("auth.forgot_password_sent"), 303)


@bp.get("/forgot-password/sent")
def forgot_password_sent() -> ResponseReturnValue:
    """Say what happens now: the same whether the address has an account or not."""
    if not mail_queue.is_on():
        return redirect(url_for("auth.forgot_password"), 303)
    return render_template("auth/forgot_password_sent.html")


@bp.route("/reset/<secret>", methods=["GET", "POST"], strict_slashes=False)
def reset_password(secret: str) -> ResponseReturnValue:
    """Set a new password by a one-time link, which looking at the page does not use up; then sign in."""
    try:
        owner = reset_links.owner(secret)
        form = ResetPasswordForm()
        if not form.validate_on_submit():
            return form_page("auth/reset_password.html", form, owner=owner)
        member = reset_links.reset(secret, form.password.data)
    except (refusals.LinkNotUsable, refusals.Suspended) as error:
        is_suspended = isinstance(error, refusals.Suspended)
        return render_template("auth/reset_refused.html", is_suspended=is_suspended), 410
    answer = sign_in_and_go(member, url_for("docs.documentation"))
    flash(_words_after_reset(holdings.holding(member.id).token is not None))
    return answer


@bp.route("/account/password", methods=["GET", "POST"])
@login_required
def change_password() -> ResponseReturnValue:
    """Change the password; every other browser is signed out, and this one gets a new cookie."""
    form = ChangePasswordForm()
    if not form.validate_on_submit():
        return form_page("account/password.html", form)
    attempt = proof_attempt(current_user.member.id, current_user.browser.id)
    try:
        member = membership.change_password(current_user.member.id, form.present.data, form.password.data)
    except refusals.WrongPassword as error:
        form.present.errors = [str(error)]
        return form_page("account/password.html", form)
    except refusals.AccountChanged:
        attempt.succeeded()
        raise
    attempt.succeeded()
    start_session(member)
    flash("Your password is changed. All other browsers are signed out.")
    return redirect(url_for("account.page"), 303)


@bp.route("/account/delete", methods=["GET", "POST"])
@login_required
def delete_account() -> ResponseReturnValue:
    """Delete the account, once its member has read what that means and given the password."""
    form = ConfirmForm()
    if not form.validate_on_submit():
        return form_page("account/delete.html", form)
    attempt = proof_attempt(current_user.member.id, current_user.browser.id)
    try:
        deletion.delete_own(current_user.member.id, form.present.data)
    except refusals.WrongPassword as error:
        form.present.errors = [str(error)]
        return form_page("account/delete.html", form)
    except refusals.LastOperator as error:
        attempt.succeeded()
        form.form_errors.append(str(error))
        return form_page("account/delete.html", form)
    except refusals.AccountChanged:
        attempt.succeeded()
        raise
    attempt.succeeded()
    end_session()
    flash("Your account is deleted.")
    return redirect(url_for("auth.sign_in"), 303)


def _words_after_reset(has_token: bool) -> Markup:
    """Say what a reset ended and what it did not: whoever had the old password may have read the token."""
    done = Markup("Your new password is set. All other browsers are signed out.")
    if not has_token:
        return done
    replace = url_for("docs.documentation", confirm="regenerate", _anchor="token")
    return done + Markup(
        ' The service token still works: if somebody else may have seen it, <a href="{}">replace the token too</a>.'
    ).format(replace)
