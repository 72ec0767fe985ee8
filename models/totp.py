"""The second step of signing in: what an account's codes are made from, and its recovery codes.

A row exists while the two-step sign-in is on. The secret is encrypted by the caller, recovery codes are known
by their keyed hash alone. The caller holds the account's lock wherever something is changed.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .base import BigId, UtcDateTime, db, utcnow


class TotpSecret(db.Model):  # type: ignore[name-defined, misc]
    """What the codes of one account are made from."""

    __tablename__ = "totp_secrets"

    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(sa.LargeBinary(255).with_variant(sa.VARBINARY(255), "mysql"))
    # The time step (RFC 6238, section 4.2) of the newest code that was taken: neither it nor an older one counts again.
    last_step: Mapped[int] = mapped_column(sa.BigInteger)
    wrong_codes: Mapped[int] = mapped_column(default=0)
    """Since the last right one: each was entered by somebody who knew the password."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class RecoveryCode(db.Model):  # type: ignore[name-defined, misc]
    """A code that takes the place of one from the app, once: using it deletes its row."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"), index=True)
    digest: Mapped[bytes] = mapped_column(sa.LargeBinary(32).with_variant(sa.BINARY(32), "mysql"), unique=True)


def of_account(session: Session, account_id: int) -> TotpSecret | None:
    """Return an account's row; None while the two-step sign-in is off."""
    return session.scalar(sa.select(TotpSecret).where(TotpSecret.account_id == account_id))


def is_on(session: Session, account_id: int) -> bool:
    """Tell whether an account's sign-in asks for a code."""
    found = sa.select(TotpSecret.account_id).where(TotpSecret.account_id == account_id)
    return session.scalar(found) is not None


def of_account_locked(session: Session, account_id: int) -> TotpSecret | None:
    """Return an account's row as it is at this moment, which nobody else changes until the transaction ends."""
    found = sa.select(TotpSecret).where(TotpSecret.account_id == account_id).with_for_update()
    return session.scalar(found.execution_options(populate_existing=True))


def switch_on(session: Session, account_id: int, sealed: bytes, last_step: int) -> None:
    """Keep what an account's codes are made from."""
    session.add(TotpSecret(account_id=account_id, sealed=sealed, last_step=last_step))
    session.flush()


def switch_off(session: Session, account_id: int) -> bool:
    """Forget an account's secret and recovery codes; tell whether there was one."""
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    gone = session.execute(sa.delete(TotpSecret).where(TotpSecret.account_id == account_id))
    return bool(gone.rowcount)  # type: ignore[attr-defined]


def put_recovery_codes(session: Session, account_id: int, digests: list[bytes]) -> None:
    """Give an account new recovery codes; the ones before are worthless."""
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    session.add_all(RecoveryCode(account_id=account_id, digest=digest) for digest in digests)
    session.flush()


def use_recovery_code(session: Session, account_id: int, digest: bytes) -> bool:
    """Use a recovery code up; false when it is none, or none any more."""
    used = sa.delete(RecoveryCode).where(RecoveryCode.account_id == account_id, RecoveryCode.digest == digest)
    return bool(session.execute(used).rowcount)  # type: ignore[attr-defined]


def recovery_codes_left(session: Session, account_id: int) -> int:
    """Return how many recovery codes an account has not used."""
    counted = sa.select(sa.func.count()).select_from(RecoveryCode).where(RecoveryCode.account_id == account_id)
    return session.execute(counted).scalar_one()
