"""Which gateway workers are alive, and what becomes of the open rows of one that is not.

A worker renews its lease every ``RENEW_EVERY_S``. One that nobody renewed for ``SILENT_AFTER_S`` is void:
any living worker takes it away and closes its owner's rows, marked ones as counted, unmarked ones as given
back. ``Watch`` tells silence from a time in which nobody could have been heard.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.orm import Mapped, mapped_column

from . import usage_log as log
from .base import UtcDateTime, db
from .reservation import Outcome, give_back_unmarked, settle
from .storage import Storage
from .usage_log import UsageLog

RENEW_EVERY_S = 10.0
SILENT_AFTER_S = 30.0
WORKER_LOST = "worker_lost"  # error code of rows that a sweep closed


class WorkerLease(db.Model):  # type: ignore[name-defined, misc]
    """One gateway worker process. ``beats`` goes up with each renewal; ``host`` tells where ``pid`` means something."""

    __tablename__ = "worker_leases"

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    host: Mapped[str] = mapped_column(sa.String(128))
    pid: Mapped[int]
    beats: Mapped[int] = mapped_column(sa.BigInteger)
    renewed_at: Mapped[datetime] = mapped_column(UtcDateTime)


# Ids are positive, so this is a range of the index on both databases: MySQL's holds the closed rows as well.
OPEN_OWNERS = sa.select(UsageLog.owner_id).where(UsageLog.owner_id > sa.literal_column("0")).distinct()


class Lease(Struct, frozen=True):
    """What others see of an owner."""

    beat: int
    host: str
    pid: int


def renew(storage: Storage, owner_id: int, host: str, pid: int) -> None:
    """Renew a lease, taking it first where it is missing.

    Raises:
        StorageUnavailable: the database could not be written in time.
    """

    def beat(connection: sa.Connection) -> None:
        now = storage.now(connection)
        renewed = (
            sa.update(WorkerLease).where(WorkerLease.id == owner_id).values(beats=WorkerLease.beats + 1, renewed_at=now)
        )
        if connection.execute(renewed).rowcount == 0:
            first = {"id": owner_id, "host": host, "pid": pid, "beats": _any_beat(), "renewed_at": now}
            connection.execute(sa.insert(WorkerLease).values(first))

    storage.write(beat)


def _any_beat() -> int:
    """Return a beat to begin with: one that comes back from silence must not begin with the beat it fell silent at."""
    return 1 + secrets.randbits(48)


def leases(storage: Storage) -> dict[int, Lease]:
    """Return every owner of a lease or of an open row; one whose lease is gone has beat 0."""
    known = sa.select(WorkerLease.id, WorkerLease.beats, WorkerLease.host, WorkerLease.pid)

    def look(connection: sa.Connection) -> dict[int, Lease]:
        without_lease = {owner_id: Lease(0, "", 0) for owner_id in connection.scalars(OPEN_OWNERS) if owner_id}
        return without_lease | {
            owner_id: Lease(beat, host, pid) for owner_id, beat, host, pid in connection.execute(known)
        }

    return storage.read(look)


class Renewal(Struct, frozen=True):
    """When an owner last renewed its lease, by the database's clock."""

    host: str
    pid: int
    seconds_ago: float


def renewals(storage: Storage) -> list[Renewal]:
    """Return the last renewal of every lease.

    Raises:
        StorageUnavailable: the database could not be read in time.
    """
    known = sa.select(WorkerLease.host, WorkerLease.pid, WorkerLease.renewed_at)

    def look(connection: sa.Connection) -> list[Renewal]:
        now = storage.now(connection)
        return [Renewal(host, pid, (now - at).total_seconds()) for host, pid, at in connection.execute(known)]

    return storage.read(look)


def void(storage: Storage, owner_id: int, beat: int) -> bool:
    """Take a lease away whose beat is still the one that was seen; false when its owner has renewed it since."""
    same_beat = sa.delete(WorkerLease).where(WorkerLease.id == owner_id, WorkerLease.beats == beat)
    any_beat = sa.select(WorkerLease.id).where(WorkerLease.id == owner_id)

    def take(connection: sa.Connection) -> bool:
        if connection.execute(same_beat).rowcount:
            return True
        return beat == 0 and connection.execute(any_beat).first() is None

    return storage.write(take)


class OpenRow(Struct, frozen=True):
    """A row of the usage log that is not closed, as it was seen."""

    row_id: int
    account_id: int
    is_marked: bool


def open_rows(storage: Storage, owner_id: int) -> list[OpenRow]:
    """Return the rows that are open in an owner's name."""
    wanted = sa.select(UsageLog.id, UsageLog.account_id, UsageLog.status).where(UsageLog.owner_id == owner_id)
    rows = storage.read(lambda connection: connection.execute(wanted).all())
    return [OpenRow(row_id, account_id, status != log.OPEN) for row_id, account_id, status in rows]


def close(storage: Storage, rows: Iterable[OpenRow]) -> int:
    """Close rows as lost; return how many were closed. One that was marked since it was seen stays as it is.

    Raises:
        StorageUnavailable: not all could be closed; a repetition closes the rest.
    """
    closed = 0
    for row in rows:
        if row.is_marked:
            closed += settle(storage, row.row_id, Outcome(status=log.INTERRUPTED, error_code=WORKER_LOST))
        else:
            lost = Outcome(status=log.FAILED, error_code=WORKER_LOST)
            closed += give_back_unmarked(storage, row.account_id, row.row_id, lost)
    return closed


def sweep(storage: Storage, owner_id: int) -> int:
    """Close all rows of an owner who cannot come back; return how many were closed.

    Raises:
        StorageUnavailable: not all could be closed; a repetition closes the rest.
    """
    return close(storage, open_rows(storage, owner_id))


def end(storage: Storage, owner_id: int) -> int:
    """End the lease of an owner who cannot come back, or one's own, and close its rows; return how many there were."""
    closed = sweep(storage, owner_id)
    storage.write(lambda connection: connection.execute(sa.delete(WorkerLease).where(WorkerLease.id == owner_id)))
    return closed


class Watch:
    """Judges which owners are gone by watching their beats, on a clock that nobody can set.

    A living owner may be kept from renewing by what keeps everybody: a database that is away, a lock held
    elsewhere, a machine that stood still. So only time counts in which the watcher itself renewed its own
    lease without a gap; after one, all are watched anew.
    """

    def __init__(self, silent_after_s: float = SILENT_AFTER_S, longest_gap_s: float = 1.5 * RENEW_EVERY_S) -> None:
        """Take the time of silence that ends a lease, and the longest time between two looks that is no gap."""
        self._silent_after_s = silent_after_s
        self._longest_gap_s = longest_gap_s
        self._looked_at: float | None = None
        self._seen: dict[int, tuple[int, float]] = {}  # owner -> its beat, and since when we have seen it

    def silent(self, beats: Mapping[int, int], now: float) -> list[int]:
        """Note what was seen at ``now`` (seconds, monotonic); return the owners that are gone."""
        if self._looked_at is not None and now - self._looked_at > self._longest_gap_s:
            self._seen.clear()
        self._looked_at = now
        before = self._seen
        self._seen = {
            owner_id: before[owner_id] if before.get(owner_id, (None,))[0] == beat else (beat, now)
            for owner_id, beat in beats.items()
        }
        return [owner_id for owner_id, (_, since) in self._seen.items() if now - since >= self._silent_after_s]
