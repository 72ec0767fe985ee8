"""Mails that wait for their turn: what asks for one writes a row, the carrier of some worker sends it.

Asking is the same work whoever has the address, so that no answer's words or time tell who has an account.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy.orm import Session

from models import queued_mail
from service.services import services

CONFIRM = "confirm"
RESET = "reset"
UPGRADE = "upgrade"
_WORDS = {
    CONFIRM: "confirmation of a sign-up",
    RESET: "new password",
    UPGRADE: "decision on a plan",
}
MOST_LISTED = 50


class MailInTrouble(Struct, frozen=True):
    """A mail that could not be sent so far, as the operator sees it."""

    about: str
    email: str | None
    """None where nobody has the address any more."""
    created_at: datetime
    tries: int
    next_try_at: datetime | None
    """None: it was given up."""
    trouble: str


def is_on() -> bool:
    """Tell whether mail is configured."""
    return services().mailer is not None


def enqueue(session: Session, purpose: str, email_hash: bytes, reference: int = 0) -> None:
    """Queue a mail in the transaction of what it is about; nothing where mail is not configured.

    ``reference`` is the number of the row that the mail is about. Call ``wake_carrier`` after the transaction, or
    the mail leaves some seconds later.
    """
    if is_on():
        now = services().storage.now(session.connection())
        queued_mail.add(session, purpose, email_hash, reference, now)


def wake_carrier() -> None:
    """Have what was queued sent at once, if this process sends mails."""
    services().carrier.wake()


def in_trouble() -> list[MailInTrouble]:
    """Return mails of which a try failed, newest first, at most 50."""
    rows = services().storage.read_session(lambda session: queued_mail.in_trouble(session, MOST_LISTED))
    return [
        MailInTrouble(
            about=_WORDS.get(row.purpose, row.purpose),
            email=email,
            created_at=row.created_at,
            tries=row.tries,
            next_try_at=row.next_try_at,
            trouble=row.trouble or "",
        )
        for row, email in rows
    ]


def how_many_in_trouble() -> int:
    """Return of how many mails a try failed."""
    return services().storage.read_session(queued_mail.how_many_in_trouble)
