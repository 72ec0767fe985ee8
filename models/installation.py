"""Facts about this installation that the database remembers, by name."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .base import db

KEY_FINGERPRINT = "secret_key_fingerprint"
OPERATORS = "operators"


class InstallationFact(db.Model):  # type: ignore[name-defined, misc]
    """One remembered fact."""

    __tablename__ = "installation_facts"

    name: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    value: Mapped[str] = mapped_column(sa.String(255))


def remember_once(session: Session, name: str, value: str) -> str:
    """Store a fact unless it is known already; return what is known now."""
    known = session.get(InstallationFact, name)
    if known is None:
        known = InstallationFact(name=name, value=value)
        session.add(known)
        session.flush()
    return known.value


def hold(session: Session, name: str) -> None:
    """Let nobody else hold the same name until the transaction ends; take it before any account's lock.

    IntegrityError when somebody else held it for the first time at the same moment: try again.
    """
    remember_once(session, name, "")
    # SQLite has one writer at a time anyway, and no FOR UPDATE: the dialect leaves it out there.
    held = sa.select(InstallationFact.name).where(InstallationFact.name == name)
    session.execute(held.with_for_update())
