"""The forms of the two-step sign-in."""

from __future__ import annotations

from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from blueprints.auth.forms import TextForm

MOST_CHARACTERS = 40
_LENGTH = Length(max=MOST_CHARACTERS, message="That is longer than any code.")
# Not "text": the keyboard of a phone is to show digits, and its software to fill the code in.
_DIGITS = {"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}
_LETTERS = {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}


def _present_password() -> PasswordField:
    return PasswordField(
        "Password", [InputRequired("Enter your password.")], render_kw={"autocomplete": "current-password"}
    )


class CodeForm(TextForm):
    """The code that the app shows."""

    code = StringField(
        "Code from your app",
        [InputRequired("Enter the code that your app shows."), _LENGTH],
        description="Six digits; a new one every 30 seconds.",
        render_kw={**_DIGITS, "autofocus": True},
    )


class RecoveryCodeForm(TextForm):
    """One of the codes that were kept for the day without a phone."""

    code = StringField(
        "Recovery code",
        [InputRequired("Enter one of your recovery codes."), _LENGTH],
        description="Twelve letters and digits. Each works once.",
        render_kw={**_LETTERS, "autofocus": True},
    )


class SetUpForm(TextForm):
    """The proof that the app has the secret, which ``setup`` holds encrypted, and the password."""

    setup = HiddenField()
    code = StringField(
        "Code from your app",
        [InputRequired("Enter the code that your app shows now."), _LENGTH],
        description="Six digits.",
        render_kw=_DIGITS,
    )
    present = _present_password()


class TwoProofsForm(TextForm):
    """Password and code, for whoever changes how the account is kept."""

    present = _present_password()
    code = StringField(
        "Code",
        [InputRequired("Enter a code."), _LENGTH],
        description="Six digits from your app, or one of your recovery codes.",
        render_kw={**_LETTERS, "autocomplete": "one-time-code"},
    )
