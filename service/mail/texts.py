"""What the mails say. Plain text, short; every link is made of the public address, never of a request."""

from __future__ import annotations

import textwrap
from datetime import datetime

from service.mail.mail import Mail
from service.services import services


def confirm(to: str, link: str) -> Mail:
    """Ask whoever signed up with this address to confirm it."""
    return _mail(
        to,
        "Confirm your address",
        f"Somebody, probably you, signed up for {_name()} with this address. Confirm it:",
        link,
        "The link works once, for 24 hours; a newer one takes its place. If it was not "
        "you, leave it: without the link there is no account.",
    )


def already_there(to: str) -> Mail:
    """Tell the holder of an account that somebody signed up with its address."""
    return _mail(
        to,
        "You have an account already",
        f"Somebody, probably you, signed up for {_name()} with this address, which has an account already. Sign in:",
        f"{_address()}/sign-in",
        "If you do not know your password, set a new one:",
        f"{_address()}/forgot-password",
        "If it was not you, there is nothing to do: nothing was changed.",
    )


def suspended(to: str) -> Mail:
    """Tell the holder of a suspended account why no link comes."""
    return _mail(
        to,
        "Your account is suspended",
        f"Somebody, probably you, asked {_name()} for a link to this address. Its "
        "account is suspended, so there is none. Ask the operator of the service.",
    )


def reset(to: str, link: str) -> Mail:
    """Bring the link that sets a new password."""
    return _mail(
        to,
        "Choose a new password",
        f"Somebody, probably you, asked for a new password at {_name()}. Choose it:",
        link,
        "The link works once, for an hour; a newer one takes its place. If it was not "
        "you, leave it: your password stays as it is.",
    )


def invite(to: str, link: str, plan_name: str, expires_at: datetime) -> Mail:
    """Bring an invite."""
    zone = services().catalog.service
    until = expires_at.astimezone(zone.timezone)
    return _mail(
        to,
        "You are invited",
        f"You are invited to {_name()}, on the plan {plan_name}. Make your account:",
        link,
        f"The link works once, until {until:%A} {until.day} {until:%B %Y, %H:%M} {zone.timezone_name}.",
    )


def upgrade_decided(to: str, plan_name: str, *, is_approved: bool, message: str) -> Mail:
    """Tell a member what became of the wish for another plan."""
    decided = (
        f"You asked for the plan {plan_name} at {_name()}: it is yours from your next request on."
        if is_approved
        else f"You asked for the plan {plan_name} at {_name()}. The operator declined; your plan stays as it is."
    )
    words = [f"The operator writes:\n\n{message}"] if message else []
    return _mail(to, f"Your plan: {'approved' if is_approved else 'declined'}", decided, *words, f"{_address()}/plans")


def test(to: str) -> Mail:
    """Show the operator that mail works."""
    return _mail(to, "Mail works", f"This is the mail that `config mail-test` sends for {_name()}.", _address())


def _mail(to: str, subject: str, *paragraphs: str) -> Mail:
    lines = ["\n".join(_wrapped(line) for line in paragraph.split("\n")) for paragraph in paragraphs]
    return Mail(to, f"{subject}: {_name()}", "\n\n".join(lines) + "\n")


def _wrapped(line: str) -> str:
    return textwrap.fill(line, 78, break_long_words=False, break_on_hyphens=False)  # links stay whole


def _name() -> str:
    return services().catalog.service.name


def _address() -> str:
    return services().catalog.service.public_url
