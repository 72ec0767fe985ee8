"""Accounts: who may sign in and whose quota a request uses.

Deleting an account empties the row but keeps it, found again by a keyed hash of its address: whoever
signs up once more with the same address gets the same row, and so the same used quota.
"""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .base import BigId, UtcDateTime, db, utcnow
from .quota import Bonus
from .usage_log import UsageLog


class Account(db.Model):  # type: ignore[name-defined, misc]
    """One member or operator. ``email`` is lower case; null once the account is deleted."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str | None] = mapped_column(sa.String(254), unique=True)
    email_hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32).with_variant(sa.BINARY(32), "mysql"), unique=True)
    password_hash: Mapped[str | None] = mapped_column(sa.String(255))
    is_operator: Mapped[bool] = mapped_column(default=False)
    # Raised whenever all browsers are signed out: a sign-in that was under way meanwhile does not come about.
    session_epoch: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    suspended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Rows of the usage log up to this number (seq) are of whoever held the address before: never shown again.
    history_after: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0")
    # Prompts on top of the plan's, up to and with a day of the service's time zone; null: none were ever given.
    bonus_daily: Mapped[int] = mapped_column(default=0, server_default="0")
    bonus_monthly: Mapped[int] = mapped_column(default=0, server_default="0")
    bonus_until: Mapped[date | None]

    @property
    def bonus(self) -> Bonus | None:
        """The prompts on top of the plan's, also when their time is over; None where none were given."""
        until = self.bonus_until
        return None if until is None else Bonus(self.bonus_daily, self.bonus_monthly, until)

    @bonus.setter
    def bonus(self, bonus: Bonus | None) -> None:
        self.bonus_daily, self.bonus_monthly = (0, 0) if bonus is None else (bonus.daily, bonus.monthly)
        self.bonus_until = None if bonus is None else bonus.until


class AddressTaken(Exception):
    """An account with this address exists already."""


def find_by_email_hash(session: Session, email_hash: bytes) -> Account | None:
    """Return the account of an address, deleted ones included."""
    return session.scalar(sa.select(Account).where(Account.email_hash == email_hash))


def find(session: Session, account_id: int) -> Account | None:
    """Return a living account by its id."""
    account = session.get(Account, account_id)
    return None if account is None or account.deleted_at else account


def find_locked(session: Session, account_id: int) -> Account | None:
    """Return a living account whose row nobody else changes until this transaction ends."""
    found = sa.select(Account).where(Account.id == account_id, Account.deleted_at.is_(None))
    return session.scalar(found.with_for_update())


def create(
    session: Session, email: str, email_hash: bytes, password_hash: str | None, *, is_operator: bool = False
) -> Account:
    """Add an account, or bring the deleted one of the same address back to life.

    Raises:
        AddressTaken: a living account has this address.
    """
    account = find_by_email_hash(session, email_hash)
    if account is None:
        account = Account(email_hash=email_hash)
        session.add(account)
    elif account.deleted_at is None:
        raise AddressTaken(email)
    else:
        account.session_epoch += 1
        account.created_at = utcnow()
        account.history_after = _newest_seq(session, account.id)
    account.email = email
    account.password_hash = password_hash
    account.is_operator = is_operator
    # A suspension outlives deletion, or it could be shaken off by signing up again.
    account.deleted_at = None
    session.flush()
    return account


def _newest_seq(session: Session, account_id: int) -> int:
    newest = sa.select(sa.func.coalesce(sa.func.max(UsageLog.seq), 0)).where(UsageLog.account_id == account_id)
    return session.execute(newest).scalar_one()


def erase(session: Session, account: Account) -> None:
    """Delete what is personal; the usage log and the hash of the address stay."""
    account.email = None
    account.password_hash = None
    account.is_operator = False
    account.bonus = None
    account.deleted_at = utcnow()
    account.session_epoch += 1
    session.flush()


def bonus_of(connection: sa.Connection, account_id: int) -> Bonus | None:
    """Return the prompts on top of the plan's, also when their time is over; None where none were given."""
    given = sa.select(Account.bonus_daily, Account.bonus_monthly, Account.bonus_until)
    row = connection.execute(given.where(Account.id == account_id)).first()
    return None if row is None or row[2] is None else Bonus(row[0], row[1], row[2])


def another_may_operate(session: Session, account_id: int) -> bool:
    """Tell whether an operator other than this one can sign in."""
    others = sa.select(sa.true()).where(
        Account.is_operator, Account.deleted_at.is_(None), Account.suspended_at.is_(None), Account.id != account_id
    )
    return bool(session.scalar(sa.select(sa.exists(others.correlate(None)))))


def living(session: Session) -> list[Account]:
    """Return every account that is not deleted, oldest first."""
    return list(session.scalars(sa.select(Account).where(Account.deleted_at.is_(None)).order_by(Account.id)))


def an_operator_exists(session: Session) -> bool:
    """Tell whether anybody can use the operator's pages."""
    operators = sa.select(sa.true()).where(Account.is_operator, Account.deleted_at.is_(None))
    return bool(session.scalar(sa.select(sa.exists(operators.correlate(None)))))
