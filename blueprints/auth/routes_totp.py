"""Switching the two-step sign-in on and off, and making new recovery codes; each asks for the password."""

from __future__ import annotations

from collections.abc import Callable

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required
from markupsafe import Markup

from blueprints.auth.blueprint import bp
from blueprints.auth.form_page import form_page
from blueprints.auth.forms_totp import SetUpForm, TwoProofsForm
from blueprints.auth.throttling import code_attempt, proof_attempt
from service import refusals
from service.services import services
from service.signing_in import totp
from service.signing_in.totp_setup import Setup, SetupOver


@bp.route("/account/two-step", methods=["GET", "POST"])
@login_required
def set_up_totp() -> ResponseReturnValue:
    """Show a new secret, and put it into force once a code proves that the app has it."""
    member, browser_id = current_user.member, current_user.browser.id
    if totp.is_on(member.id):
        return redirect(url_for("account.page", _anchor="two-step"), 303)
    form = SetUpForm()
    setup = _shown_setup(form)
    if not form.validate_on_submit():
        return _set_up_page(form, setup)
    attempt = proof_attempt(member.id, browser_id)
    try:
        codes = totp.switch_on(member.id, browser_id, form.present.data, setup, form.code.data)
    except refusals.WrongPassword as error:
        form.present.errors = [str(error)]
        return _set_up_page(form, setup)
    except totp.WrongCode as error:
        attempt.succeeded()
        form.code.errors = [str(error)]
        return _set_up_page(form, setup)
    except SetupOver as error:
        attempt.succeeded()
        form.form_errors.append(str(error))
        return _set_up_page(form, _new_setup(form))
    except totp.AlreadyOn:
        attempt.succeeded()
        return redirect(url_for("account.page", _anchor="two-step"), 303)
    except refusals.AccountChanged:
        attempt.succeeded()
        raise
    attempt.succeeded()
    return render_template("account/totp_codes.html", codes=codes, is_new=True)


@bp.route("/account/two-step/recovery-codes", methods=["GET", "POST"])
@login_required
def renew_recovery_codes() -> ResponseReturnValue:
    """Make new recovery codes and show them, this once."""

    def renew(form: TwoProofsForm) -> ResponseReturnValue:
        codes = totp.renew_recovery_codes(current_user.member.id, form.present.data, form.code.data)
        return render_template("account/totp_codes.html", codes=codes, is_new=False)

    return _with_two_proofs("account/totp_renew.html", renew)


@bp.route("/account/two-step/off", methods=["GET", "POST"])
@login_required
def switch_totp_off() -> ResponseReturnValue:
    """Ask for no code any more."""

    def switch_off(form: TwoProofsForm) -> ResponseReturnValue:
        totp.switch_off(current_user.member.id, form.present.data, form.code.data)
        flash("The two-step sign-in is off. Your password alone signs in.")
        return redirect(url_for("account.page", _anchor="two-step"), 303)

    return _with_two_proofs("account/totp_off.html", switch_off)


def _with_two_proofs(template: str, work: Callable[[TwoProofsForm], ResponseReturnValue]) -> ResponseReturnValue:
    """Show a form that asks for password and code; with both right, do the work and answer as it says."""
    member = current_user.member
    if not totp.is_on(member.id):
        return redirect(url_for("account.page", _anchor="two-step"), 303)
    form = TwoProofsForm()
    if not form.validate_on_submit():
        return form_page(template, form)
    password_try = proof_attempt(member.id, current_user.browser.id)
    code_try = code_attempt(request.remote_addr or "", member.id, browser_is_known=True)
    try:
        answer = work(form)
    except refusals.WrongPassword as error:
        code_try.succeeded()  # it was not looked at
        form.present.errors = [str(error)]
        return form_page(template, form)
    except totp.WrongCode as error:
        password_try.succeeded()
        form.code.errors = [str(error)]
        return form_page(template, form)
    except totp.NotOn:
        answer = redirect(url_for("account.page", _anchor="two-step"), 303)
    except refusals.AccountChanged:
        password_try.succeeded()
        code_try.succeeded()
        raise
    password_try.succeeded()
    code_try.succeeded()
    return answer


def _shown_setup(form: SetUpForm) -> Setup:
    """Return the secret that the form brings back; a new one where it brings none that can be read."""
    try:
        return Setup.opened(form.setup.data or "", current_user.member.id)
    except SetupOver:
        return _new_setup(form)


def _new_setup(form: SetUpForm) -> Setup:
    setup = Setup.new(current_user.member.id, current_user.browser.id)
    form.setup.data = setup.sealed()
    return setup


def _set_up_page(form: SetUpForm, setup: Setup) -> ResponseReturnValue:
    email = current_user.member.email
    return form_page(
        "account/totp_on.html",
        form,
        qr=Markup(setup.picture(email)),  # noqa: S704  (drawn by segno: squares alone, no text of anybody's)
        address=setup.address(email),
        secret=setup.spelt(),
        is_due=current_user.member.is_operator and services().catalog.service.operators_need_totp,
    )
