"""The forms that take a password, named as password managers expect."""

from __future__ import annotations

from flask import request
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import EmailField, Field, PasswordField, ValidationError
from wtforms.validators import InputRequired

from service import refusals
from service.accounts import addresses
from service.signing_in import passwords


class TextForm(FlaskForm):
    """A form of text fields alone: a file part or a JSON body has nothing for them, so that every value is text."""

    class Meta(FlaskForm.Meta):
        """Where a form's values come from."""

        def wrap_formdata(self, form: FlaskForm, formdata: object) -> MultiDict[str, str] | None:
            """Return what was sent in a form's text parts; None where nothing was sent."""
            return request.form if form.is_submitted() else None


class SignInForm(TextForm):
    """Address and password; wrong ones are told apart from unknown ones nowhere."""

    email = EmailField(
        "E-mail address",
        [InputRequired("Enter your e-mail address.")],
        render_kw={"autocomplete": "username", "autofocus": True},
    )
    password = PasswordField(
        "Password", [InputRequired("Enter your password.")], render_kw={"autocomplete": "current-password"}
    )


def _new_password(label: str) -> PasswordField:
    return PasswordField(
        label,
        [InputRequired("Choose a password.")],
        description=f"At least {passwords.LEAST_CHARACTERS} characters. A few words make a good one.",
        render_kw={"autocomplete": "new-password", "minlength": passwords.LEAST_CHARACTERS},
    )


class NewPasswordForm(TextForm):
    """A password that is chosen."""

    password = _new_password("Password")

    def validate_password(self, field: Field) -> None:
        """Refuse a password that is too short or too long, beside the field."""
        try:
            passwords.check_fit(field.data)
        except passwords.UnfitPassword as error:
            raise ValidationError(str(error)) from error


class AddressForm(TextForm):
    """The address that a mail is to go to."""

    email = EmailField(
        "E-mail address",
        [InputRequired("Enter your e-mail address.")],
        render_kw={"autocomplete": "username", "autofocus": True},
    )

    def validate_email(self, field: Field) -> None:
        """Refuse what is no e-mail address, beside the field; whose it is does not matter."""
        try:
            addresses.usable_email(field.data)
        except refusals.UnfitEmail as error:
            raise ValidationError(str(error)) from error


class NewAccountForm(AddressForm, NewPasswordForm):
    """Address and password of an account to be made."""


class InvitedForm(NewPasswordForm):
    """The password of an account whose address an invite names."""


class ButtonForm(TextForm):
    """A button alone."""


class ChosenPasswordForm(TextForm):
    """The password that was chosen at sign-up, in another browser."""

    password = PasswordField(
        "Password",
        [InputRequired("Enter the password that you chose.")],
        description="The one that you chose when you signed up, in another browser.",
        render_kw={"autocomplete": "current-password", "autofocus": True},
    )


class ResetPasswordForm(NewPasswordForm):
    """The new password of an account whose old one is lost."""

    password = _new_password("New password")


class ChangePasswordForm(NewPasswordForm):
    """The present password, as proof, and the new one."""

    present = PasswordField(
        "Present password",
        [InputRequired("Enter your present password.")],
        render_kw={"autocomplete": "current-password", "autofocus": True},
    )
    password = _new_password("New password")


class ConfirmForm(TextForm):
    """The present password, as proof that whoever presses the button is the member."""

    present = PasswordField(
        "Password", [InputRequired("Enter your password.")], render_kw={"autocomplete": "current-password"}
    )
