"""Sign-ins: one row for every browser that is signed in; deleting the row signs it out.

A browser's cookie holds a random secret, the table its SHA-256. So a copy of the database signs nobody in,
and a copy of a cookie dies with the row.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .account import Account
from .base import GREATEST_ID, BigId, UtcDateTime, db, utcnow
from .storage import Storage

IDLE_FOR = timedelta(days=30)
"""A browser that shows no page for so long is signed out."""
LASTS_FOR = timedelta(days=90)
"""However often it is seen, a browser signs in anew after so long."""
NOTED_EVERY = timedelta(minutes=5)
"""How exactly ``seen_at`` is kept: most requests write nothing."""
MOST_OF_AN_ACCOUNT = 50
"""Browsers of one account; one more signs the longest unseen out. A script may sign in without ever signing out."""
USER_AGENT_CHARACTERS = 200
PORTION = 500


class SignIn(db.Model):  # type: ignore[name-defined, misc]
    """One browser that is signed in. Its network address is not kept: the device and the time say enough."""

    __tablename__ = "sign_ins"
    # SQLite would give the number of a deleted row to the next one, and a stale page would end another sign-in.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"), index=True)
    digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32).with_variant(sa.BINARY(32), "mysql"), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow, index=True)
    user_agent: Mapped[str] = mapped_column(sa.String(USER_AGENT_CHARACTERS))


def begin(session: Session, account_id: int, digest: bytes, user_agent: str) -> SignIn:
    """Add a sign-in; the caller holds the account's lock."""
    begun = SignIn(account_id=account_id, digest=digest, user_agent=user_agent[:USER_AGENT_CHARACTERS])
    session.add(begun)
    session.flush()
    kept = sa.select(SignIn.id).where(SignIn.account_id == account_id)
    ids = list(session.scalars(kept.order_by(SignIn.seen_at.desc(), SignIn.id.desc())))
    if len(ids) > MOST_OF_AN_ACCOUNT:
        session.execute(sa.delete(SignIn).where(SignIn.id.in_(ids[MOST_OF_AN_ACCOUNT:])))
    return begun


def of_digest(session: Session, digest: bytes) -> tuple[SignIn, Account] | None:
    """Return a living sign-in with its living account, whether that is suspended or not; one indexed read."""
    found = (
        sa.select(SignIn, Account)
        .join(Account, Account.id == SignIn.account_id)
        .where(SignIn.digest == digest, *_living(), Account.deleted_at.is_(None))
    )
    row = session.execute(found).one_or_none()
    return None if row is None else (row[0], row[1])


def of_account(session: Session, account_id: int) -> list[SignIn]:
    """Return an account's living sign-ins, the last seen first."""
    found = sa.select(SignIn).where(SignIn.account_id == account_id, *_living())
    return list(session.scalars(found.order_by(SignIn.seen_at.desc(), SignIn.id.desc())))


def note_seen(session: Session, sign_in_id: int) -> None:
    """Write down that the browser was there just now."""
    session.execute(sa.update(SignIn).where(SignIn.id == sign_in_id).values(seen_at=utcnow()))


def end(session: Session, account_id: int, sign_in_id: int) -> bool:
    """End one sign-in of an account; false when it has none of this id, or none any more."""
    if not 0 < sign_in_id <= GREATEST_ID:
        return False
    ended = sa.delete(SignIn).where(SignIn.id == sign_in_id, SignIn.account_id == account_id)
    return bool(session.execute(ended).rowcount)  # type: ignore[attr-defined]


def end_all(session: Session, account_id: int, *, but: int | None = None) -> int:
    """End every sign-in of an account, perhaps ``but`` one; return how many there were."""
    ended = sa.delete(SignIn).where(SignIn.account_id == account_id)
    if but is not None:
        ended = ended.where(SignIn.id != but)
    return int(session.execute(ended).rowcount)  # type: ignore[attr-defined]


def _living() -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    # What lasted too long is seen no more, so that housekeeping finds it among the idle ones.
    now = utcnow()
    return SignIn.seen_at > now - IDLE_FOR, SignIn.created_at > now - LASTS_FOR


def forget_expired(storage: Storage, at_most: int = PORTION) -> int:
    """Delete sign-ins that were idle for too long, a bounded number at once; return how many."""

    def delete(connection: sa.Connection) -> int:
        idle = sa.select(SignIn.id).where(SignIn.seen_at <= utcnow() - IDLE_FOR)
        ids = list(connection.scalars(idle.order_by(SignIn.seen_at).limit(at_most)))
        if ids:
            connection.execute(sa.delete(SignIn).where(SignIn.id.in_(ids)))
        return len(ids)

    return storage.write(delete)
