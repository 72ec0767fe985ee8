"""Links that work once and for a while: the one that makes the first operator, and those that set a password."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .base import BigId, UtcDateTime, db, utcnow

OPERATOR = "operator"
RESET = "reset"
OPERATOR_LINK_LIFETIME = timedelta(hours=1)
RESET_LINK_LIFETIME = timedelta(hours=1)


class OneTimeLink(db.Model):  # type: ignore[name-defined, misc]
    """A link that was handed out; only the SHA-256 of its secret is kept."""

    __tablename__ = "one_time_links"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    purpose: Mapped[str] = mapped_column(sa.String(16))
    # Whose password a reset link sets; null for links that belong to no account.
    account_id: Mapped[int | None] = mapped_column(sa.BigInteger, index=True)
    digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32).with_variant(sa.BINARY(32), "mysql"), unique=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def hand_out(
    session: Session, purpose: str, digest: bytes, lifetime: timedelta, *, account_id: int | None = None
) -> OneTimeLink:
    """Store a new link; of an account's links of one purpose, it replaces the others."""
    if account_id is not None:
        take_back(session, purpose, account_id)
    link = OneTimeLink(purpose=purpose, digest=digest, expires_at=utcnow() + lifetime, account_id=account_id)
    session.add(link)
    session.flush()
    return link


def take_back(session: Session, purpose: str, account_id: int) -> None:
    """Make an account's links of a purpose worthless, used and unused ones."""
    taken = sa.delete(OneTimeLink).where(OneTimeLink.account_id == account_id, OneTimeLink.purpose == purpose)
    session.execute(taken)


def hold(session: Session, purpose: str) -> None:
    """Let nobody else use a link of this purpose until the transaction ends."""
    # SQLite has one writer at a time anyway, and no FOR UPDATE: the dialect leaves it out there.
    session.execute(sa.select(OneTimeLink.id).where(OneTimeLink.purpose == purpose).with_for_update())


def is_usable(session: Session, purpose: str, digest: bytes) -> bool:
    """Tell whether the link exists, is unused and has not expired."""
    return session.scalar(_usable(OneTimeLink.id, purpose, digest)) is not None


def account_of(session: Session, purpose: str, digest: bytes) -> int | None:
    """Return the id of the account that a usable link is for; None when it cannot be used."""
    account_id: int | None = session.scalar(_usable(OneTimeLink.account_id, purpose, digest))
    return account_id


def use(session: Session, purpose: str, digest: bytes) -> bool:
    """Use a link up; false when somebody was quicker, it expired or never existed."""
    link_id = session.scalar(_usable(OneTimeLink.id, purpose, digest))
    if link_id is None:
        return False
    used = sa.update(OneTimeLink).where(OneTimeLink.id == link_id, OneTimeLink.used_at.is_(None))
    return bool(session.execute(used.values(used_at=utcnow())).rowcount)  # type: ignore[attr-defined]


def _usable(column: Any, purpose: str, digest: bytes) -> sa.Select[Any]:
    return sa.select(column).where(
        OneTimeLink.purpose == purpose,
        OneTimeLink.digest == digest,
        OneTimeLink.used_at.is_(None),
        OneTimeLink.expires_at > utcnow(),
    )
