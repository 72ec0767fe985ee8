"""Mails that are to be sent: what about and to whom, never their text. It is written when a mail leaves, and so are
the links in it, of which the database then holds the hash alone.

Times are those of the database's clock: of machines whose own clocks differ none takes a mail that another has in hand.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .account import Account
from .base import BigId, UtcDateTime, db
from .pending_sign_up import PendingSignUp
from .storage import Storage

PORTION = 500
KEPT_FOR = timedelta(days=7)
TROUBLE_CHARACTERS = 300


class QueuedMail(db.Model):  # type: ignore[name-defined, misc]
    """One mail. A row is deleted when its mail was handed in; it stays for a while when that failed for good."""

    __tablename__ = "queued_mails"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    purpose: Mapped[str] = mapped_column(sa.String(16))
    # Of the address, whether anybody has it here or not: asking for a mail is the same work for both.
    email_hash: Mapped[bytes] = mapped_column(sa.LargeBinary(32).with_variant(sa.BINARY(32), "mysql"), index=True)
    # The row that the mail is about, in a table that the purpose names; 0 for none.
    reference: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Null once it is given up. Whoever takes a mail on moves this past the longest time that sending takes.
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    tries: Mapped[int] = mapped_column(default=0)
    # Why the latest try failed, for the operator.
    trouble: Mapped[str | None] = mapped_column(sa.String(TROUBLE_CHARACTERS))


def add(session: Session, purpose: str, email_hash: bytes, reference: int, now: datetime) -> None:
    """Queue a mail, in the transaction of what it is about; ``now`` is the database's time."""
    mail = QueuedMail(purpose=purpose, email_hash=email_hash, reference=reference, tries=0)
    mail.created_at = mail.next_try_at = now
    session.add(mail)
    session.flush()


def take_due(storage: Storage, for_s: float) -> QueuedMail | None:
    """Take the next mail that is due on, for ``for_s`` seconds; of any number of workers one gets it.

    One that nobody could send for ``KEPT_FOR``, for want of a mail server perhaps, is out of date and stays.
    """

    def look(session: Session) -> QueuedMail | None:
        now = storage.now(session.connection())
        due = sa.select(QueuedMail).where(QueuedMail.next_try_at <= now, QueuedMail.created_at > now - KEPT_FOR)
        return session.scalar(due.order_by(QueuedMail.next_try_at).limit(1))

    def take(connection: sa.Connection, found: QueuedMail) -> bool:
        until = storage.now(connection) + timedelta(seconds=for_s)
        taken = (
            sa.update(QueuedMail)
            .where(QueuedMail.id == found.id, QueuedMail.next_try_at == found.next_try_at)
            .values(next_try_at=until, tries=found.tries + 1)
        )
        return connection.execute(taken).rowcount > 0

    while (found := storage.read_session(look)) is not None:
        if storage.write(partial(take, found=found)):
            found.tries += 1
            return found
    return None


def is_done(storage: Storage, mail_id: int) -> None:
    """Forget a mail that was handed in, or is not wanted any more."""
    done = sa.delete(QueuedMail).where(QueuedMail.id == mail_id)
    storage.write(lambda connection: connection.execute(done))


def failed(storage: Storage, mail_id: int, trouble: str, again_in_s: float | None) -> None:
    """Note why a try failed, and when the next one is due; with None there is none."""

    def note(connection: sa.Connection) -> None:
        again_at = None if again_in_s is None else storage.now(connection) + timedelta(seconds=again_in_s)
        noted = sa.update(QueuedMail).where(QueuedMail.id == mail_id)
        connection.execute(noted.values(trouble=trouble[:TROUBLE_CHARACTERS], next_try_at=again_at))

    storage.write(note)


def in_trouble(session: Session, at_most: int) -> list[tuple[QueuedMail, str | None]]:
    """Return mails of which a try failed, newest first, with their address where it is known."""
    wanted = (
        sa.select(QueuedMail, sa.func.coalesce(Account.email, PendingSignUp.email))
        .outerjoin(Account, Account.email_hash == QueuedMail.email_hash)
        .outerjoin(
            PendingSignUp,
            sa.and_(PendingSignUp.id == QueuedMail.reference, PendingSignUp.email_hash == QueuedMail.email_hash),
        )
        .where(QueuedMail.trouble.is_not(None))
    )
    return [(row[0], row[1]) for row in session.execute(wanted.order_by(QueuedMail.id.desc()).limit(at_most))]


def is_in_trouble(session: Session, purpose: str, reference: int) -> bool:
    """Tell whether a try failed to send a mail about a row."""
    about = sa.select(sa.true()).where(
        QueuedMail.purpose == purpose, QueuedMail.reference == reference, QueuedMail.trouble.is_not(None)
    )
    return bool(session.scalar(sa.select(about.exists())))


def how_many_in_trouble(session: Session) -> int:
    """Return of how many mails a try failed."""
    return session.scalar(sa.select(sa.func.count()).where(QueuedMail.trouble.is_not(None))) or 0


def forget_address(session: Session, email_hash: bytes) -> None:
    """Delete every mail to an address."""
    session.execute(sa.delete(QueuedMail).where(QueuedMail.email_hash == email_hash))


def forget_expired(storage: Storage, at_most: int = PORTION) -> int:
    """Delete mails that were given up or never sent, a bounded number at once; return how many."""

    def delete(connection: sa.Connection) -> int:
        old = sa.select(QueuedMail.id).where(QueuedMail.created_at <= storage.now(connection) - KEPT_FOR)
        ids = list(connection.scalars(old.limit(at_most)))
        if ids:
            connection.execute(sa.delete(QueuedMail).where(QueuedMail.id.in_(ids)))
        return len(ids)

    return storage.write(delete)
