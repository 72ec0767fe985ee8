"""Invites: links that an operator makes, each of which makes exactly one account.

They have a table of their own beside the one-time links: they last for days, carry plan and address, are listed and
revoked one by one, and what became of each is shown afterwards.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .account import Account
from .base import GREATEST_ID, BigId, UtcDateTime, db, utcnow
from .storage import Storage

PORTION = 500
SHOWN_FOR = timedelta(days=90)  # after its time is over


class Invite(db.Model):  # type: ignore[name-defined, misc]
    """An invite that was handed out; only the SHA-256 of its secret is kept."""

    __tablename__ = "invites"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32).with_variant(sa.BINARY(32), "mysql"), unique=True)
    # Null: for whoever has the link.
    email: Mapped[str | None] = mapped_column(sa.String(254), index=True)
    plan_slug: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    created_by: Mapped[str] = mapped_column(sa.String(254))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Null until it is used; the account that it made.
    account_id: Mapped[int | None] = mapped_column(sa.BigInteger, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def add(
    session: Session, digest: bytes, *, email: str | None, plan_slug: str, created_by: str, lifetime: timedelta
) -> Invite:
    """Store a new invite."""
    now = utcnow()
    made = Invite(
        digest=digest,
        email=email,
        plan_slug=plan_slug,
        created_at=now,
        created_by=created_by[:254],
        expires_at=now + lifetime,
    )
    session.add(made)
    session.flush()
    return made


def find(session: Session, digest: bytes) -> Invite | None:
    """Return an invite by the hash of its link, whatever became of it."""
    return session.scalar(sa.select(Invite).where(Invite.digest == digest))


def find_by_id(session: Session, invite_id: int) -> Invite | None:
    """Return an invite by its number, whatever became of it."""
    return session.get(Invite, invite_id) if 0 < invite_id <= GREATEST_ID else None


def use(session: Session, invite_id: int, account_id: int) -> bool:
    """Use an invite up for an account; false when it is used or revoked. Its time is the caller's matter."""
    unused = sa.update(Invite).where(Invite.id == invite_id, Invite.used_at.is_(None), Invite.revoked_at.is_(None))
    return bool(session.execute(unused.values(used_at=utcnow(), account_id=account_id)).rowcount)  # type: ignore[attr-defined]


def revoke(session: Session, invite_id: int) -> bool:
    """Make an invite worthless; false when it is used or revoked already, or never was."""
    if not 0 < invite_id <= GREATEST_ID:
        return False
    unused = sa.update(Invite).where(Invite.id == invite_id, Invite.used_at.is_(None), Invite.revoked_at.is_(None))
    return bool(session.execute(unused.values(revoked_at=utcnow())).rowcount)  # type: ignore[attr-defined]


def open_ones(session: Session, at_most: int) -> list[Invite]:
    """Return invites that can be used now, newest first."""
    usable = sa.select(Invite).where(
        Invite.used_at.is_(None), Invite.revoked_at.is_(None), Invite.expires_at > utcnow()
    )
    return list(session.scalars(usable.order_by(Invite.id.desc()).limit(at_most)))


def ended_ones(session: Session, at_most: int) -> list[tuple[Invite, str | None]]:
    """Return invites that were used or revoked or have expired, newest first, with the address of their account."""
    ended = sa.or_(Invite.used_at.is_not(None), Invite.revoked_at.is_not(None), Invite.expires_at <= utcnow())
    wanted = sa.select(Invite, Account.email).outerjoin(Account, Account.id == Invite.account_id).where(ended)
    return [(row[0], row[1]) for row in session.execute(wanted.order_by(Invite.id.desc()).limit(at_most))]


def forget_holder(session: Session, account_id: int, email: str | None) -> None:
    """Delete what names a person whose account is deleted: invites that made it and those for its address.

    Invites that it made for others stay, without its address.
    """
    named = Invite.account_id == account_id
    if email is not None:
        named = sa.or_(named, Invite.email == email)
        made = sa.update(Invite).where(Invite.created_by == email).values(created_by="a deleted operator")
        session.execute(made)
    session.execute(sa.delete(Invite).where(named))


def forget_expired(storage: Storage, at_most: int = PORTION) -> int:
    """Delete invites whose time has been over for long, a bounded number at once; return how many."""

    def delete(connection: sa.Connection) -> int:
        old = sa.select(Invite.id).where(Invite.expires_at <= utcnow() - SHOWN_FOR)
        ids = list(connection.scalars(old.order_by(Invite.expires_at).limit(at_most)))
        if ids:
            connection.execute(sa.delete(Invite).where(Invite.id.in_(ids)))
        return len(ids)

    return storage.write(delete)
