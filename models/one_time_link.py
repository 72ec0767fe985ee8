"""Links that work once and for a while: today the one that makes the first operator."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .base import TABLE_OPTIONS, BigId, UtcDateTime, db, utcnow

OPERATOR = "operator"
OPERATOR_LINK_LIFETIME = timedelta(hours=1)


class OneTimeLink(db.Model):  # type: ignore[name-defined, misc]
    """A link that was handed out; only the SHA-256 of its secret is kept."""

    __tablename__ = "one_time_links"
    __table_args__ = (TABLE_OPTIONS,)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    purpose: Mapped[str] = mapped_column(sa.String(16))
    digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32).with_variant(sa.BINARY(32), "mysql"), unique=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def hand_out(session: Session, purpose: str, digest: bytes, lifetime: timedelta) -> OneTimeLink:
    """Store a new link."""
    link = OneTimeLink(purpose=purpose, digest=digest, expires_at=utcnow() + lifetime)
    session.add(link)
    session.flush()
    return link


def hold(session: Session, purpose: str) -> None:
    """Let nobody else use a link of this purpose until the transaction ends."""
    # SQLite has one writer at a time anyway, and no FOR UPDATE: the dialect leaves it out there.
    session.execute(sa.select(OneTimeLink.id).where(OneTimeLink.purpose == purpose).with_for_update())


def is_usable(session: Session, purpose: str, digest: bytes) -> bool:
    """Tell whether the link exists, is unused and has not expired."""
    return session.scalar(_usable(purpose, digest)) is not None


def use(session: Session, purpose: str, digest: bytes) -> bool:
    """Use a link up; false when somebody was quicker, it expired or never existed."""
    link_id = session.scalar(_usable(purpose, digest))
    if link_id is None:
        return False
    used = sa.update(OneTimeLink).where(OneTimeLink.id == link_id, OneTimeLink.used_at.is_(None))
    return bool(session.execute(used.values(used_at=utcnow())).rowcount)  # type: ignore[attr-defined]


def _usable(purpose: str, digest: bytes) -> sa.Select[int]:
    return sa.select(OneTimeLink.id).where(
        OneTimeLink.purpose == purpose,
        OneTimeLink.digest == digest,
        OneTimeLink.used_at.is_(None),
        OneTimeLink.expires_at > utcnow(),
    )
