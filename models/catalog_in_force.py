"""Which catalog each living worker works with, so that a page of one of them can tell of all."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.orm import Mapped, mapped_column

from .base import UtcDateTime, db
from .lease import WorkerLease
from .storage import Storage


class CatalogInForce(db.Model):  # type: ignore[name-defined, misc]
    """The catalog of one worker, by the id of its lease; a worker never changes it."""

    __tablename__ = "catalogs_in_force"

    owner_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    # SHA-256 of the file; empty without one.
    digest: Mapped[str] = mapped_column(sa.String(64))
    read_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WorkersCatalog(Struct, frozen=True):
    """What one worker works with."""

    host: str
    pid: int
    digest: str
    read_at: datetime
    renewed_at: datetime
    """When it last said that it lives."""


def note(storage: Storage, owner_id: int, digest: str, read_at: datetime) -> None:
    """Record what a worker with a lease works with, and forget those whose lease is gone.

    Raises:
        StorageUnavailable: the database could not be written in time.
    """
    gone = sa.delete(CatalogInForce).where(CatalogInForce.owner_id.not_in(sa.select(WorkerLease.id)))
    known = sa.select(CatalogInForce.owner_id).where(CatalogInForce.owner_id == owner_id)
    new = sa.insert(CatalogInForce).values(owner_id=owner_id, digest=digest, read_at=read_at)

    def write(connection: sa.Connection) -> None:
        connection.execute(gone)
        if connection.scalar(known) is None:
            connection.execute(new)

    storage.write(write)


def of_workers(storage: Storage) -> list[WorkersCatalog]:
    """Return the catalog of each worker that has a lease, those read last first.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    wanted = (
        sa.select(
            WorkerLease.host, WorkerLease.pid, CatalogInForce.digest, CatalogInForce.read_at, WorkerLease.renewed_at
        )
        .join(WorkerLease, WorkerLease.id == CatalogInForce.owner_id)
        .order_by(CatalogInForce.read_at.desc(), WorkerLease.host, WorkerLease.pid)
    )
    return storage.read(lambda connection: [WorkersCatalog(*row) for row in connection.execute(wanted)])
