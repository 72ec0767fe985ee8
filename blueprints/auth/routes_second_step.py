"""The second step of signing in: the code that follows the right password."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from markupsafe import Markup
from msgspec.structs import replace

from blueprints.auth.blueprint import bp
from blueprints.auth.form_page import form_page
from blueprints.auth.forms_totp import CodeForm, RecoveryCodeForm
from blueprints.auth.login import FirstStep, first_step, keep_first_step, start_session
from blueprints.auth.throttling import code_attempt
from return_path import own_path
from service.signing_in import totp

FEW_CODES = 3


@bp.route("/sign-in/code", methods=["GET", "POST"])
def second_step() -> ResponseReturnValue:
    """Ask for the code, sign in and go on to where the visitor was headed."""
    wanted = own_path(request.args.get("next"))
    target = wanted or url_for("docs.documentation")
    if current_user.is_authenticated:
        return redirect(target, 303)
    step = first_step()
    if step is None:
        flash("Enter your password first: the code follows it within five minutes.")
        return redirect(url_for("auth.sign_in", next=wanted), 303)
    with_recovery_code = request.args.get("with") == "recovery-code"
    form = RecoveryCodeForm() if with_recovery_code else CodeForm()
    shown = {"wanted": wanted, "with_recovery_code": with_recovery_code}
    if not form.validate_on_submit():
        return form_page("auth/totp.html", form, **shown)
    attempt = code_attempt(request.remote_addr or "", step.account_id, browser_is_known=step.browser_is_known)
    try:
        passed = totp.pass_second_step(step.account_id, step.session_epoch, form.code.data)
    except totp.WrongCode as error:
        keep_first_step(replace(step, wrong_codes=step.wrong_codes + 1))
        form.code.errors = [str(error)]
        return form_page("auth/totp.html", form, **shown)
    except totp.NotOn:
        attempt.succeeded()
        flash("No code is asked for any more. Sign in again.")
        return redirect(url_for("auth.sign_in", next=wanted), 303)
    attempt.succeeded()
    start_session(passed.member)
    _warn(step, passed)
    return redirect(target, 303)


def _warn(step: FirstStep, passed: totp.Passed) -> None:
    """Tell of codes that others entered, who must know the password, and of recovery codes that run out."""
    of_others = passed.wrong_codes - step.wrong_codes
    if of_others > 0:
        count = "A wrong code was" if of_others == 1 else f"{of_others} wrong codes were"
        text = Markup(
            "{} entered elsewhere since your last sign-in. Was it not you, somebody knows your password: "
            '<a href="{}">change it</a>.'
        )
        flash(text.format(count, url_for("auth.change_password")))
    if passed.recovery_codes_left <= FEW_CODES:
        left = passed.recovery_codes_left
        count = "No recovery code is" if left == 0 else "One recovery code is" if left == 1 else f"{left} codes are"
        text = Markup('{} left for the day you have no phone. <a href="{}">Make new ones</a>.')
        flash(text.format(count, url_for("auth.renew_recovery_codes")))
