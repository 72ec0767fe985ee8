"""The audit log: who changed what, when and from where. Rows are added, never changed and never deleted.

The mapper refuses both; where the database grants triggers (migration 0010), so does the database.
"""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .base import BigId, UtcDateTime, db, utcnow

NAME_CHARACTERS = 254
PLACE_CHARACTERS = 255
ACTION_CHARACTERS = 64


class AppendOnly(Exception):
    """Somebody tried to change the audit log."""


class AuditEntry(db.Model):  # type: ignore[name-defined, misc]
    """One change that somebody made.

    ``details`` is a JSON object of texts. It never holds a token, a link or a password. ``subject`` is
    ``account 12`` where an account was changed: its address is erased when the account is deleted.
    """

    __tablename__ = "audit_log"
    # Pages go from the newest back, by time and number, each filter along an index of its own.
    __table_args__ = (
        sa.Index("ix_audit_log_at", "at"),
        sa.Index("ix_audit_log_actor_at", "actor", "at"),
        sa.Index("ix_audit_log_subject_at", "subject", "at"),
        sa.Index("ix_audit_log_action_at", "action", "at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    actor: Mapped[str] = mapped_column(sa.String(NAME_CHARACTERS))
    place: Mapped[str] = mapped_column(sa.String(PLACE_CHARACTERS))
    action: Mapped[str] = mapped_column(sa.String(ACTION_CHARACTERS))
    subject: Mapped[str] = mapped_column(sa.String(NAME_CHARACTERS))
    details: Mapped[str] = mapped_column(sa.Text)


@sa.event.listens_for(AuditEntry, "before_update")
@sa.event.listens_for(AuditEntry, "before_delete")
def _refuse(_mapper: object, _connection: object, entry: AuditEntry) -> NoReturn:
    raise AppendOnly(f"entry {entry.id} of the audit log cannot be changed")


def add(session: Session, *, actor: str, place: str, action: str, subject: str, details: str) -> AuditEntry:
    """Add an entry of this moment."""
    added = AuditEntry(actor=actor, place=place, action=action, subject=subject, details=details)
    session.add(added)
    session.flush()
    return added
