"""Upgrade requests: a member asks for another plan, the operator decides. A lighter plan can be asked for as well."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .account import Account
from .base import GREATEST_ID, BigId, UtcDateTime, db, utcnow

NOTE_CHARACTERS = 500

# state
PENDING = "pending"
APPROVED = "approved"
DECLINED = "declined"
WITHDRAWN = "withdrawn"


class UpgradeRequest(db.Model):  # type: ignore[name-defined, misc]
    """One wish for a plan and what became of it.

    ``pending_account_id`` repeats ``account_id`` while nobody has decided and is null afterwards: a unique key
    over it is what both databases understand of "one pending request for each account".
    """

    __tablename__ = "upgrade_requests"
    # SQLite would give the number of a deleted row to the next one, and a stale page would decide another one.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"), index=True)
    pending_account_id: Mapped[int | None] = mapped_column(sa.BigInteger, unique=True)
    from_plan: Mapped[str] = mapped_column(sa.String(64))
    to_plan: Mapped[str] = mapped_column(sa.String(64))
    note: Mapped[str] = mapped_column(sa.String(NOTE_CHARACTERS))
    state: Mapped[str] = mapped_column(sa.String(12), default=PENDING)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Of the operator, or who else decided; null where the member withdrew it.
    decided_by: Mapped[str | None] = mapped_column(sa.String(254))
    message: Mapped[str | None] = mapped_column(sa.String(NOTE_CHARACTERS))


def add(session: Session, account_id: int, from_plan: str, to_plan: str, note: str) -> UpgradeRequest:
    """Add a pending request; IntegrityError when the account has one."""
    made = UpgradeRequest(
        account_id=account_id, pending_account_id=account_id, from_plan=from_plan, to_plan=to_plan, note=note
    )
    session.add(made)
    session.flush()
    return made


def find(session: Session, request_id: int) -> UpgradeRequest | None:
    """Return a request by its id; a number that no id can be is nobody's."""
    return session.get(UpgradeRequest, request_id) if 0 < request_id <= GREATEST_ID else None


def find_locked(session: Session, request_id: int) -> UpgradeRequest | None:
    """Return a request as it is now, which nobody else decides until this transaction ends."""
    if not 0 < request_id <= GREATEST_ID:
        return None
    found = sa.select(UpgradeRequest).where(UpgradeRequest.id == request_id)
    return session.scalar(found.with_for_update().execution_options(populate_existing=True))


def pending_of(session: Session, account_id: int) -> UpgradeRequest | None:
    """Return the account's pending request."""
    return session.scalar(sa.select(UpgradeRequest).where(UpgradeRequest.pending_account_id == account_id))


def latest_of(session: Session, account_id: int) -> UpgradeRequest | None:
    """Return the account's newest request, whatever became of it."""
    found = sa.select(UpgradeRequest).where(UpgradeRequest.account_id == account_id)
    return session.scalar(found.order_by(UpgradeRequest.id.desc()).limit(1))


def listing(session: Session, *, decided_too: bool, at_most: int) -> list[tuple[UpgradeRequest, Account]]:
    """Return requests with their accounts: the pending ones, oldest first, or the newest of all, newest first."""
    found = sa.select(UpgradeRequest, Account).join(Account, Account.id == UpgradeRequest.account_id)
    if decided_too:
        found = found.order_by(UpgradeRequest.id.desc())
    else:
        found = found.where(UpgradeRequest.pending_account_id.is_not(None)).order_by(UpgradeRequest.id)
    return [(row[0], row[1]) for row in session.execute(found.limit(at_most))]


def decide(request: UpgradeRequest, state: str, *, decided_by: str | None, message: str | None) -> None:
    """Close a pending request; the caller holds its lock."""
    request.state = state
    request.pending_account_id = None
    request.decided_at = utcnow()
    request.decided_by = decided_by
    request.message = message


def forget_withdrawn(session: Session, account_id: int, *, but_newest: int) -> None:
    """Delete what an account withdrew, all but the newest: nobody decided it, and a member can add to it at will."""
    older = sa.select(UpgradeRequest.id).where(
        UpgradeRequest.account_id == account_id, UpgradeRequest.state == WITHDRAWN
    )
    ids = session.scalars(older.order_by(UpgradeRequest.id.desc()))
    gone = list(ids)[but_newest:]
    if gone:
        session.execute(sa.delete(UpgradeRequest).where(UpgradeRequest.id.in_(gone)))


def forget_all(session: Session, account_id: int) -> None:
    """Delete an account's requests: what a member wrote in them is personal."""
    session.execute(sa.delete(UpgradeRequest).where(UpgradeRequest.account_id == account_id))
