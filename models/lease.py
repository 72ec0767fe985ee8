"""Which gateway workers are alive, and what becomes of the open rows of one that is not.

A worker renews its lease every ``RENEW_EVERY_S``. A lease that nobody renewed for ``SILENT_AFTER_S`` is
void: any living worker closes its rows, marked ones as counted, unmarked ones as given back. Whether a
lease moves is judged by watching its beat over that time on one's own monotonic clock; only a worker that
has just started, and has watched nothing yet, compares the database's clock with the last renewal.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from . import usage_log as log
from .base import TABLE_OPTIONS, UtcDateTime, db
from .reservation import Outcome, give_back, settle
from .storage import Storage
from .usage_log import UsageLog

RENEW_EVERY_S = 10.0
SILENT_AFTER_S = 30.0


class WorkerLease(db.Model):  # type: ignore[name-defined, misc]
    """One gateway worker process. ``beats`` counts renewals."""

    __tablename__ = "worker_leases"
    __table_args__ = (TABLE_OPTIONS,)

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    host: Mapped[str] = mapped_column(sa.String(128))
    pid: Mapped[int]
    beats: Mapped[int] = mapped_column(sa.BigInteger)
    renewed_at: Mapped[datetime] = mapped_column(UtcDateTime)


def renew(storage: Storage, owner_id: int, host: str, pid: int) -> None:
    """Renew a lease, taking it first where it is missing.

    Raises:
        StorageUnavailable: the database could not be written in time.
    """

    def beat(connection: sa.Connection) -> None:
        now = storage.now(connection)
        renewed = (
            sa.update(WorkerLease)
            .where(WorkerLease.id == owner_id)
            .values(beats=WorkerLease.beats + 1, renewed_at=now)
        )
        if connection.execute(renewed).rowcount == 0:
            connection.execute(
                sa.insert(WorkerLease).values(id=owner_id, host=host, pid=pid, beats=1, renewed_at=now)
            )

    storage.write(beat)


def end(storage: Storage, owner_id: int) -> None:
    """Give a lease up; the caller has closed its rows."""
    storage.write(lambda connection: connection.execute(sa.delete(WorkerLease).where(WorkerLease.id == owner_id)))


def beats(storage: Storage) -> dict[int, int]:
    """Return the beat of every owner of a lease or of an open row; 0 for one whose lease is gone."""
    leases = sa.select(WorkerLease.id, WorkerLease.beats)
    owners = sa.select(UsageLog.owner_id).where(UsageLog.owner_id.is_not(None)).distinct()

    def look(connection: sa.Connection) -> dict[int, int]:
        without_lease = {owner_id: 0 for owner_id in connection.scalars(owners) if owner_id is not None}
        return without_lease | {owner_id: beat for owner_id, beat in connection.execute(leases)}

    return storage.read(look)


def silent_by_the_clock(storage: Storage) -> list[int]:
    """Return the owners whose last renewal lies ``SILENT_AFTER_S`` back by the database's clock."""

    def look(connection: sa.Connection) -> list[int]:
        limit = storage.now(connection) - timedelta(seconds=SILENT_AFTER_S)
        return list(connection.scalars(sa.select(WorkerLease.id).where(WorkerLease.renewed_at < limit)))

    return storage.read(look)


def sweep(storage: Storage, owner_id: int) -> int:
    """Close the rows of an owner that is gone, then its lease; return how many rows were closed."""
    wanted = sa.select(UsageLog.id, UsageLog.account_id, UsageLog.status).where(UsageLog.owner_id == owner_id)
    rows = storage.read(lambda connection: connection.execute(wanted).all())
    closed = 0
    for row_id, account_id, status in rows:
        if status == log.OPEN:
            lost = Outcome(status=log.FAILED, error_code="worker_lost")
            closed += give_back(storage, account_id, row_id, lost)
        else:
            closed += settle(storage, row_id, Outcome(status=log.INTERRUPTED, error_code="worker_lost"))
    end(storage, owner_id)
    return closed
