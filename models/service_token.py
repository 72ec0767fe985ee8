"""Service tokens: found by their digest, shown by decrypting, one live token for each account."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.orm import Mapped, Session, mapped_column

from .account import Account
from .base import BigId, UtcDateTime, db, utcnow
from .prepared import Prepared
from .quota import Bonus
from .subscription import Subscription


class ServiceToken(db.Model):  # type: ignore[name-defined, misc]
    """A token, live or revoked. ``live_account_id`` is null once it is revoked (see ``Subscription``)."""

    __tablename__ = "service_tokens"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"), index=True)
    live_account_id: Mapped[int | None] = mapped_column(sa.BigInteger, unique=True)
    digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32).with_variant(sa.BINARY(32), "mysql"), unique=True)
    sealed: Mapped[bytes] = mapped_column(sa.LargeBinary(255).with_variant(sa.VARBINARY(255), "mysql"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class TokenOwner(Struct, frozen=True):
    """What the API must know of whoever sends a token."""

    token_id: int
    account_id: int
    plan_slug: str | None
    is_revoked: bool
    is_suspended: bool
    bonus: Bonus | None


_OWNER_BY_DIGEST = Prepared(
    sa.select(
        ServiceToken.id,
        ServiceToken.account_id,
        Subscription.plan_slug,
        ServiceToken.live_account_id.is_(None),
        Account.suspended_at.is_not(None),
        Account.bonus_daily,
        Account.bonus_monthly,
        Account.bonus_until,
    )
    .join(Account, Account.id == ServiceToken.account_id)
    .outerjoin(Subscription, Subscription.live_account_id == ServiceToken.account_id)
    .where(ServiceToken.digest == sa.bindparam("digest"))
)


def owner_of(connection: sa.Connection, digest: bytes) -> TokenOwner | None:
    """Return who a token belongs to, or None when it was never handed out."""
    row = _OWNER_BY_DIGEST.first(connection, {"digest": digest})
    if row is None:
        return None
    token_id, account_id, plan_slug, is_revoked, is_suspended, daily, monthly, until = row
    bonus = None if until is None else Bonus(daily, monthly, until)
    return TokenOwner(token_id, account_id, plan_slug, bool(is_revoked), bool(is_suspended), bonus)


def live(session: Session, account_id: int) -> ServiceToken | None:
    """Return the account's live token."""
    return session.scalar(sa.select(ServiceToken).where(ServiceToken.live_account_id == account_id))


def latest(session: Session, account_id: int) -> ServiceToken | None:
    """Return the newest token, live or revoked; None when the account never had one."""
    newest = sa.select(ServiceToken).where(ServiceToken.account_id == account_id).order_by(ServiceToken.id.desc())
    return session.scalars(newest.limit(1)).first()


def accounts_with_live_token(session: Session) -> set[int]:
    """Return the ids of all accounts that have a live token."""
    live_ids = sa.select(ServiceToken.account_id).where(ServiceToken.live_account_id.is_not(None))
    return set(session.scalars(live_ids))


def issue(session: Session, account_id: int, digest: bytes, sealed: bytes) -> ServiceToken:
    """Make a token the account's live one; the one before stops at once."""
    revoke(session, account_id)
    token = ServiceToken(account_id=account_id, live_account_id=account_id, digest=digest, sealed=sealed)
    session.add(token)
    session.flush()
    return token


def revoke(session: Session, account_id: int) -> bool:
    """Stop the account's live token; tell whether there was one."""
    token = live(session, account_id)
    if token is None:
        return False
    token.live_account_id = None
    token.revoked_at = utcnow()
    session.flush()
    return True
