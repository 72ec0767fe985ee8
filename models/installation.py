"""Facts about this installation that the database remembers, by name."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .base import TABLE_OPTIONS, db

KEY_FINGERPRINT = "secret_key_fingerprint"


class InstallationFact(db.Model):  # type: ignore[name-defined, misc]
    """One remembered fact."""

    __tablename__ = "installation_facts"
    __table_args__ = (TABLE_OPTIONS,)

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
