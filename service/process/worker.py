"""This process as an owner of open usage-log rows: its lease, its beat, its unfinished closings.

``Housekeeping`` runs in greenlets of each gunicorn worker. It renews the lease, closes the rows of workers
that are gone, repeats closings that the database refused a moment ago, deletes stored responses and sign-ins
whose time is over, adds the usage log up, and moves SQLite's write-ahead log into the database file, in a
thread, because that waits for the disk.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterable

import gevent

from catalog.reading import Reading
from models import (
    catalog_in_force,
    invite,
    lease,
    pending_sign_up,
    queued_mail,
    sign_in,
    stored_response,
    usage_summing,
    usage_totals,
)
from models.aside import send_aside
from models.checkpoint import Checkpoints, checkpoint
from models.engine import end_idle_transactions
from models.storage import Storage, StorageUnavailable
from service.database.retention import Upkeep
from service.process.in_thread import in_thread
from service.process.process_space import is_running, process_space

log = logging.getLogger("smartroute.worker")

TIDY_EVERY_S = 2.0
# So short that under a flood of writes SQLite's own checkpoint, which would stop the loop, finds little left to do.
LOOK_AT_WRITES_EVERY_S = 0.2
RETRY_AFTER_S = 1.0  # a renewal that failed
FORGET_EVERY_S, BETWEEN_PORTIONS_S = 600.0, 0.1
TOTAL_EVERY_S, FIRST_TOTAL_WITHIN_S = 300.0, 60.0
# Rows of another program may be millions: adding them up takes an eighth of the worker's time where an account has
# many a day, and a quarter at most.
BETWEEN_TOTALS_S, RESTS_OF_TOTALLING = 0.04, 3
RETAIN_EVERY_S, FIRST_RETAIN_WITHIN_S = 86_400.0, 3600.0
ROOM_EVERY_S = 60.0


class Worker:
    """Owns rows of the usage log in this process's name."""

    def __init__(self, storage: Storage) -> None:
        """Choose an id; the lease itself is taken when the first row needs it."""
        self._storage = storage
        self._id = secrets.randbits(62) | 1
        self._pid = os.getpid()
        self._has_lease = False
        self.renewed_at: float | None = None
        """When the lease was last renewed (monotonic clock); None: not yet."""
        self._taking = threading.Lock()
        self.host = process_space()

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
        with self._taking:  # two that find no lease would both insert it
            lease.renew(self._storage, self._id, self.host, self._pid)
            self._has_lease = True
            self.renewed_at = time.monotonic()

    def finish_later(self, closing: Callable[[], object]) -> None:
        """Remember a closing that the database refused; housekeeping repeats it until it succeeds."""
        self._storage.unfinished.add(closing)

    def leave(self) -> None:
        """Give the lease up at a clean end of the process; whatever is open is closed as lost."""
        self._storage.unfinished.repeat()
        if self._has_lease:
            lease.end(self._storage, self._id)


class Housekeeping:
    """The periodic work of one gunicorn worker."""

    def __init__(
        self,
        worker: Worker,
        storage: Storage,
        watch: lease.Watch | None = None,
        upkeep: Upkeep | None = None,
        reading: Reading | None = None,
    ) -> None:
        """Watch the leases of others through ``storage``; ``upkeep`` deletes what is over by the catalog.

        ``reading`` is the catalog that operators are told this worker works with.
        """
        self._reading = reading
        self._upkeep = upkeep
        self._worker = worker
        self._storage = storage
        self._watch = watch or lease.Watch()
        self._ended: set[int] = set()  # owners whose process is gone, until their rows are closed
        # Rows of owners whose lease was taken away. Such an owner may come back: what it opens then stays.
        self._lost: dict[int, list[lease.OpenRow]] = {}

    def start(self) -> None:
        """Start the greenlets; they end with the process."""
        send_aside(in_thread)
        end_idle_transactions(self._storage.engine)
        gevent.spawn(self._keep_lease)
        gevent.spawn(self._keep_tidy)
        gevent.spawn(self._keep_forgetting)
        gevent.spawn(self._keep_totalling)
        if self._upkeep is not None:
            gevent.spawn(self._keep_retaining, self._upkeep)
            gevent.spawn(self._keep_room, self._upkeep)
        if self._storage.is_sqlite and self._storage.engine.url.database:
            gevent.spawn(self._keep_checkpointing, self._storage.engine.url.database)

    def beat(self) -> None:
        """Renew the own lease, then look at the others'; the one without the other would judge unfairly.

        Raises:
            StorageUnavailable: the database could not be read or written.
        """
        self._worker.renew()
        if self._reading is not None:
            catalog_in_force.note(self._storage, self._worker.owner_id(), self._reading.digest, self._reading.read_at)
            self._reading = None
        seen = lease.leases(self._storage)
        silent = self._watch.silent({owner_id: each.beat for owner_id, each in seen.items()}, time.monotonic())
        for owner_id, each in seen.items():
            if owner_id in silent:
                rows = lease.open_rows(self._storage, owner_id)
                if lease.void(self._storage, owner_id, each.beat):
                    self._lost.setdefault(owner_id, []).extend(rows)
            elif each.host == self._worker.host and not is_running(each.pid):
                self._ended.add(owner_id)  # killed on this machine: no need to wait

    def tidy(self) -> None:
        """Repeat what the database refused, and close the rows of owners that are gone.

        Raises:
            StorageUnavailable: it refuses still.
        """
        self._storage.unfinished.repeat()
        for owner_id in list(self._ended):
            closed = lease.end(self._storage, owner_id)
            self._ended.discard(owner_id)
            log.warning("worker %d is gone: %d open rows closed", owner_id, closed)
        for owner_id, rows in list(self._lost.items()):
            closed = lease.close(self._storage, rows)
            del self._lost[owner_id]
            log.warning("worker %d is silent: %d open rows closed", owner_id, closed)

    def forget_expired(self) -> None:
        """Delete stored responses, sign-ins, invites and mails whose time is over, one bounded portion after the other.

        Raises:
            StorageUnavailable: the database refuses; the rest waits for the next round.
        """
        for kind in (stored_response, sign_in, invite, pending_sign_up, queued_mail):
            while kind.forget_expired(self._storage) == kind.PORTION:
                gevent.sleep(BETWEEN_PORTIONS_S)  # other writers come first

    def total_usage(self) -> None:
        """Add up closed rows of the usage log for the charts, one bounded portion after the other.

        Raises:
            StorageUnavailable: the database refuses; the rest waits for the next round.
        """
        began = time.thread_time()
        for _ in usage_totals.total_up(self._storage):
            gevent.sleep(max(BETWEEN_TOTALS_S, RESTS_OF_TOTALLING * (time.thread_time() - began)))
            began = time.thread_time()
        _at_leisure(usage_summing.sum_up(self._storage))

    def _keep_lease(self) -> None:
        while True:
            done = self._try(self.beat)
            gevent.sleep(lease.RENEW_EVERY_S if done else RETRY_AFTER_S)

    def _keep_tidy(self) -> None:
        while True:
            self._try(self.tidy)
            gevent.sleep(TIDY_EVERY_S)

    def _keep_forgetting(self) -> None:
        # Workers and machines start together; by chance they do not all ask at once.
        gevent.sleep(random.uniform(0, FORGET_EVERY_S))  # noqa: S311  (spreads the work, guards nothing)
        while True:
            self._try(self.forget_expired)
            gevent.sleep(FORGET_EVERY_S)

    def _keep_totalling(self) -> None:
        gevent.sleep(random.uniform(0, FIRST_TOTAL_WITHIN_S))  # noqa: S311  (as above)
        while True:
            self._try(self.total_usage)
            gevent.sleep(TOTAL_EVERY_S)

    def _keep_retaining(self, upkeep: Upkeep) -> None:
        gevent.sleep(random.uniform(0, FIRST_RETAIN_WITHIN_S))  # noqa: S311  (as above)
        while True:
            self._try(lambda: _at_leisure(upkeep.make_room(everybody=True)))
            self._try(lambda: _at_leisure(upkeep.go_round()))
            gevent.sleep(RETAIN_EVERY_S)

    def _keep_room(self, upkeep: Upkeep) -> None:
        while True:
            gevent.sleep(ROOM_EVERY_S)
            self._try(lambda: _at_leisure(upkeep.make_room()))

    def _try(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except StorageUnavailable as error:
            log.warning("housekeeping waits for the database: %s", error)
        except Exception:  # the beat must go on whatever one round of it met
            log.exception("housekeeping failed")
        else:
            return True
        return False

    def _keep_checkpointing(self, path: str) -> None:
        threadpool = gevent.get_hub().threadpool
        checkpoints = Checkpoints(0, time.monotonic())
        while True:
            gevent.sleep(LOOK_AT_WRITES_EVERY_S)
            if not checkpoints.is_due(self._storage.writes, time.monotonic()):
                continue
            trouble = threadpool.spawn(checkpoint, path).get()
            if trouble:
                log.warning("the write-ahead log could not be checkpointed: %s", trouble)


def _at_leisure(portions: Iterable[int]) -> None:
    for _ in portions:
        gevent.sleep(BETWEEN_PORTIONS_S)  # other writers come first
