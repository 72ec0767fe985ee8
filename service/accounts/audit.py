"""Writing to the audit log: every change that an operator makes, in the transaction of the change itself.

An action has a stable name, ``<thing>.<what was done to it>``: ``account.suspended``, ``invite.created``.
Where an account was changed, the subject is ``subject_of(account_id)``, so that deleting the account
leaves no address behind; pages show the address as long as there is one. Tokens, links and passwords are
nobody's details.
"""

from __future__ import annotations

import json

from msgspec import Struct
from sqlalchemy.orm import Session

from models import audit_entry
from models.audit_entry import ACTION_CHARACTERS, NAME_CHARACTERS, PLACE_CHARACTERS

DETAIL_CHARACTERS = 500
COMMAND_LINE = "command line"
"""How the names of those begin who use commands."""
_ACCOUNT = "account "


class Actor(Struct, frozen=True):
    """Who makes a change, and from where: an address and a network address, or a user and a machine."""

    name: str
    place: str


def record(session: Session, by: Actor, action: str, subject: str = "", **details: str) -> None:
    """Add one entry; it stands exactly if the caller's transaction does. Long texts are cut."""
    audit_entry.add(
        session,
        actor=_storable(by.name, NAME_CHARACTERS),
        place=_storable(by.place, PLACE_CHARACTERS),
        action=_storable(action, ACTION_CHARACTERS),
        subject=_storable(subject, NAME_CHARACTERS),
        details=json.dumps(
            {name: _storable(text, DETAIL_CHARACTERS) for name, text in details.items()}, ensure_ascii=False
        ),
    )


def subject_of(account_id: int) -> str:
    """Return how the audit log names an account."""
    return f"{_ACCOUNT}{account_id}"


def the_member(account_id: int) -> Actor:
    """Return a member who changes the own account: by number, since the log outlives the address."""
    return Actor(subject_of(account_id), "own account")


def account_of(subject: str) -> int | None:
    """Return the number of the account that a subject names; None where it names something else."""
    number = subject.removeprefix(_ACCOUNT)
    return int(number) if number != subject and number.isascii() and number.isdecimal() else None


def _storable(text: str, characters: int) -> str:
    # A database refuses half a surrogate pair, and with the entry the change would be lost.
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= characters else text[: characters - 1] + "…"
