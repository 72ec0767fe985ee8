"""Reading the audit log, newest first, a page at a time. Each page costs the same wherever it lies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.orm import Session

from .account import Account
from .audit_entry import AuditEntry


class Wanted(Struct, frozen=True):
    """Which entries; what is None is not asked for. Times are a half-open span."""

    actor: str | None = None
    subject: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Place(Struct, frozen=True):
    """Where an entry stands in the order of all."""

    at: datetime
    id: int


class Listed(Struct, frozen=True):
    """Entries, newest first, and the places where a page of newer and one of older ones lie; None: no more."""

    entries: Sequence[AuditEntry]
    newer: Place | None
    older: Place | None


def page_before(session: Session, wanted: Wanted, place: Place | None, at_most: int) -> Listed:
    """Return the newest entries that are older than ``place``; None begins at the newest."""
    entries = _entries(session, wanted, place, at_most + 1, is_newer=False)
    more, entries = len(entries) > at_most, entries[:at_most]
    newer = _place(entries[0]) if place is not None and entries else None
    return Listed(entries, newer, _place(entries[-1]) if more else None)


def page_after(session: Session, wanted: Wanted, place: Place, at_most: int) -> Listed:
    """Return the oldest entries that are newer than ``place``, newest first as everywhere."""
    entries = _entries(session, wanted, place, at_most + 1, is_newer=True)
    more, entries = len(entries) > at_most, entries[:at_most][::-1]
    return Listed(entries, _place(entries[0]) if more else None, _place(entries[-1]) if entries else None)


def actions(session: Session) -> list[str]:
    """Return the names of all that was ever recorded, in alphabetical order."""
    return list(session.scalars(sa.select(AuditEntry.action).distinct().order_by(AuditEntry.action)))


def addresses(session: Session, account_ids: Sequence[int]) -> dict[int, str]:
    """Return the addresses of those accounts that still have one."""
    named = sa.select(Account.id, Account.email).where(Account.id.in_(account_ids), Account.email.is_not(None))
    return {row.id: row.email for row in session.execute(named)}


def _entries(
    session: Session, wanted: Wanted, place: Place | None, at_most: int, *, is_newer: bool
) -> list[AuditEntry]:
    found = sa.select(AuditEntry)
    for column, value in (
        (AuditEntry.actor, wanted.actor),
        (AuditEntry.subject, wanted.subject),
        (AuditEntry.action, wanted.action),
    ):
        if value is not None:
            found = found.where(column == value)
    if wanted.since is not None:
        found = found.where(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        found = found.where(AuditEntry.at < wanted.until)
    if place is not None and is_newer:
        # The plain comparison beside the exact one: MySQL finds no range of an index in "or".
        found = found.where(AuditEntry.at >= place.at, sa.or_(AuditEntry.at > place.at, AuditEntry.id > place.id))
    elif place is not None:
        found = found.where(AuditEntry.at <= place.at, sa.or_(AuditEntry.at < place.at, AuditEntry.id < place.id))
    order = (AuditEntry.at, AuditEntry.id) if is_newer else (AuditEntry.at.desc(), AuditEntry.id.desc())
    return list(session.scalars(found.order_by(*order).limit(at_most)))


def _place(entry: AuditEntry) -> Place:
    return Place(entry.at, entry.id)
