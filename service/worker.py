"""This process as an owner of open usage-log rows: its lease, its beat, its unfinished closings.

``Housekeeping`` runs in a greenlet of each gunicorn worker. It renews the lease, closes the rows of workers
that are gone, repeats closings that the database refused a moment ago, and moves SQLite's write-ahead log
into the database file, in a thread, because that waits for the disk.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from collections import deque
from collections.abc import Callable

import gevent

from models import lease
from models.engine import checkpoint
from models.storage import Storage, StorageUnavailable

log = logging.getLogger("smartroute.worker")

CHECKPOINT_EVERY_S = 2.0


class Worker:
    """Owns rows of the usage log in this process's name."""

    def __init__(self, storage: Storage) -> None:
        """Choose an id; the lease itself is taken when the first row needs it."""
        self._storage = storage
        self._id = secrets.randbits(62) | 1
        self._pid = os.getpid()
        self._has_lease = False
        self._unfinished: deque[Callable[[], object]] = deque()

    def owner_id(self) -> int:
        """Return the id that rows are opened with, taking the lease at the first call.

        Raises:
            StorageUnavailable: the lease could not be taken.
        """
        if not self._has_lease:
            self.renew()
        return self._id

    def renew(self) -> None:
        """Renew the lease.

        Raises:
            StorageUnavailable: the database could not be written.
        """
        lease.renew(self._storage, self._id, socket.gethostname()[:128], self._pid)
        self._has_lease = True

    def finish_later(self, closing: Callable[[], object]) -> None:
        """Remember a closing that the database refused; housekeeping repeats it until it succeeds."""
        self._unfinished.append(closing)

    def finish_unfinished(self) -> None:
        """Repeat the closings that failed before; stop at the first that fails again."""
        while self._unfinished:
            try:
                self._unfinished[0]()
            except StorageUnavailable:
                return
            self._unfinished.popleft()

    @property
    def unfinished(self) -> int:
        """How many closings wait for the database."""
        return len(self._unfinished)

    def leave(self) -> None:
        """Give the lease up at a clean end of the process; whatever is open is closed as lost."""
        if self._has_lease:
            self.finish_unfinished()
            lease.sweep(self._storage, self._id)


class Housekeeping:
    """The periodic work of one gunicorn worker."""

    def __init__(self, worker: Worker, storage: Storage) -> None:
        """Watch the leases of others through ``storage``."""
        self._worker = worker
        self._storage = storage
        self._watched: dict[int, tuple[int, float]] = {}  # owner -> its beat, and since when we have seen it

    def start(self) -> None:
        """Start the greenlets; they end with the process."""
        gevent.spawn(self._keep_lease)
        if self._storage.is_sqlite and self._storage.engine.url.database:
            gevent.spawn(self._keep_checkpointing, self._storage.engine.url.database)

    def _keep_lease(self) -> None:
        self._try(self._sweep_at_start)
        while True:
            self._try(self._beat)
            gevent.sleep(lease.RENEW_EVERY_S)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except StorageUnavailable as error:
            log.warning("housekeeping waits for the database: %s", error)
        except Exception:  # the beat must go on whatever one round of it met
            log.exception("housekeeping failed")

    def _sweep_at_start(self) -> None:
        for owner_id in lease.silent_by_the_clock(self._storage):
            self._sweep(owner_id)

    def _beat(self) -> None:
        self._worker.renew()
        self._worker.finish_unfinished()
        now = time.monotonic()
        beats = lease.beats(self._storage)
        for owner_id in [owner_id for owner_id in self._watched if owner_id not in beats]:
            del self._watched[owner_id]
        for owner_id, beat in beats.items():
            seen_beat, since = self._watched.get(owner_id, (None, now))
            if beat != seen_beat:
                self._watched[owner_id] = (beat, now)
            elif now - since >= lease.SILENT_AFTER_S:
                self._sweep(owner_id)

    def _sweep(self, owner_id: int) -> None:
        closed = lease.sweep(self._storage, owner_id)
        log.warning("worker %d is gone: %d open rows closed", owner_id, closed)

    def _keep_checkpointing(self, path: str) -> None:
        threadpool = gevent.get_hub().threadpool
        while True:
            gevent.sleep(CHECKPOINT_EVERY_S)
            trouble = threadpool.spawn(checkpoint, path).get()
            if trouble:
                log.warning("the write-ahead log could not be checkpointed: %s", trouble)
