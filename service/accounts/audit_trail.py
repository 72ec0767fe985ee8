"""The audit log as operators read it: entries in words of this moment, with the addresses that there still are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy.orm import Session

from models import account, audit_list
from models.audit_entry import AuditEntry
from models.audit_list import Place, Wanted
from service.accounts.addresses import address_hash
from service.accounts.audit import account_of, subject_of
from service.services import services

ENTRIES_ON_A_PAGE = 50


class Named(Struct, frozen=True):
    """An actor or a subject: as the log names it, and the account that it is, if it is one."""

    text: str
    account_id: int | None
    email: str | None
    """None where the account is deleted, and for what is no account."""


class Entry(Struct, frozen=True):
    """One change."""

    at: datetime
    actor: Named
    place: str
    action: str
    subject: Named
    details: dict[str, str]


class Trail(Struct, frozen=True):
    """A page of entries, newest first, and where the pages beside it lie."""

    entries: Sequence[Entry]
    newer: Place | None
    older: Place | None


def trail(
    wanted: Wanted, *, before: Place | None = None, after: Place | None = None, at_most: int = ENTRIES_ON_A_PAGE
) -> Trail:
    """Return a page of the audit log: the newest entries, or those ``before`` or ``after`` a place."""

    def read(session: Session) -> Trail:
        if after is not None:
            listed = audit_list.page_after(session, wanted, after, at_most)
        else:
            listed = audit_list.page_before(session, wanted, before, at_most)
        numbers = {account_of(name) for each in listed.entries for name in (each.actor, each.subject)}
        emails = audit_list.addresses(session, sorted(number for number in numbers if number is not None))
        return Trail([_entry(each, emails) for each in listed.entries], listed.newer, listed.older)

    return services().storage.read_session(read)


def actions() -> list[str]:
    """Return the names of all that was ever recorded."""
    return services().storage.read_session(audit_list.actions)


def name_of(typed: str) -> str:
    """Return how the log names what an operator typed: an address or a number means an account, deleted or not."""
    if typed.isascii() and typed.isdecimal():
        return subject_of(int(typed))
    if "@" not in typed:
        return typed
    email_hash = address_hash(typed)
    found = services().storage.read_session(lambda session: account.find_by_email_hash(session, email_hash))
    return typed if found is None else subject_of(found.id)


def _entry(row: AuditEntry, emails: dict[int, str]) -> Entry:
    def named(text: str) -> Named:
        number = account_of(text)
        return Named(text, number, None if number is None else emails.get(number))

    return Entry(row.at, named(row.actor), row.place, row.action, named(row.subject), json.loads(row.details))
