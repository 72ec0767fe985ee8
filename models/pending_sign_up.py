"""Sign-ups whose address is not confirmed yet. The account itself is made when the link in the mail is used.

An address may have several: each stands for one form that was sent, with its own password, and whoever holds the
mailbox decides. Nobody can so occupy, or set the password of, an address that is not theirs.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .base import BigId, UtcDateTime, db, utcnow
from .storage import Storage

PORTION = 500
LIFETIME = timedelta(hours=24)
WANTED_CHARACTERS = 500
_DIGEST = sa.LargeBinary(32).with_variant(sa.BINARY(32), "mysql")


class PendingSignUp(db.Model):  # type: ignore[name-defined, misc]
    """One sign-up form that waits for its link; of the secrets only their SHA-256 is kept."""

    __tablename__ = "pending_sign_ups"
    # A number that was given once is never given again: mails and cookies refer to it.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(254))
    email_hash: Mapped[bytes] = mapped_column(_DIGEST, index=True)
    password_hash: Mapped[str] = mapped_column(sa.String(255))
    # Of a secret in the cookie of the browser that sent the form.
    browser_digest: Mapped[bytes] = mapped_column(_DIGEST)
    # Null until the mail is written: the link is made then.
    link_digest: Mapped[bytes | None] = mapped_column(_DIGEST, unique=True)
    # The invite by which the visitor came; null for open registration.
    invite_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    # Where the visitor was headed; empty for the documentation.
    wanted: Mapped[str] = mapped_column(sa.String(WANTED_CHARACTERS))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


def add(
    session: Session,
    *,
    email: str,
    email_hash: bytes,
    password_hash: str,
    browser_digest: bytes,
    invite_id: int | None,
    wanted: str,
) -> PendingSignUp:
    """Store a sign-up that is to be confirmed."""
    made = PendingSignUp(
        email=email,
        email_hash=email_hash,
        password_hash=password_hash,
        browser_digest=browser_digest,
        invite_id=invite_id,
        wanted=wanted if len(wanted) <= WANTED_CHARACTERS else "",
        expires_at=utcnow() + LIFETIME,
    )
    session.add(made)
    session.flush()
    return made


def find(session: Session, pending_id: int) -> PendingSignUp | None:
    """Return a sign-up whose time is not over."""
    return session.scalar(_living().where(PendingSignUp.id == pending_id))


def find_locked(session: Session, pending_id: int) -> PendingSignUp | None:
    """``find``, and let nobody else change it until this transaction ends."""
    return session.scalar(_living().where(PendingSignUp.id == pending_id).with_for_update())


def find_by_link(session: Session, link_digest: bytes) -> PendingSignUp | None:
    """Return the sign-up that a link confirms; None when the link is used, replaced, expired or wrong."""
    return session.scalar(_living().where(PendingSignUp.link_digest == link_digest))


def forget_address(session: Session, email_hash: bytes) -> None:
    """Delete every waiting sign-up of an address."""
    session.execute(sa.delete(PendingSignUp).where(PendingSignUp.email_hash == email_hash))


def forget_expired(storage: Storage, at_most: int = PORTION) -> int:
    """Delete sign-ups that nobody confirmed in time, a bounded number at once; return how many."""

    def delete(connection: sa.Connection) -> int:
        old = sa.select(PendingSignUp.id).where(PendingSignUp.expires_at <= utcnow())
        ids = list(connection.scalars(old.order_by(PendingSignUp.expires_at).limit(at_most)))
        if ids:
            connection.execute(sa.delete(PendingSignUp).where(PendingSignUp.id.in_(ids)))
        return len(ids)

    return storage.write(delete)


def _living() -> sa.Select[PendingSignUp]:
    return sa.select(PendingSignUp).where(PendingSignUp.expires_at > utcnow())
