"""What a worker tells the other processes of its machine, once a second, in its file of the ``folder``.

The text is made in the event loop (some ten microseconds) and written in a thread, because a disk may be slow.
A worker that is killed takes the counts of its last second with it; nobody was shown them, so no sum goes back.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import gevent
import orjson

from catalog.model import Catalog
from service.metrics import folder as metrics_folder
from service.metrics.counts import Metrics

log = logging.getLogger("smartroute.metrics")

EVERY_S = 1.0


class WorkerFile:
    """Writes this worker's file, and reads those of all workers of the machine."""

    def __init__(
        self,
        metrics: Metrics,
        routes: Callable[[], list[dict[str, Any]]],
        renewed_at: Callable[[], float | None],
        catalog: str,
    ) -> None:
        """Take what is told: the counts, the health of the routes, the last beat of the lease, the catalog's digest."""
        self._metrics = metrics
        self._routes = routes
        self._renewed_at = renewed_at
        self._catalog = catalog
        self._late_s = 0.0
        self._name = ""
        self._written = b""
        self._writing = threading.Lock()
        self._has_failed = False

    def start(self) -> None:
        """Write from now on, in a greenlet that ends with the process."""
        gevent.spawn(self._keep_writing)

    def write(self) -> None:
        """Write the file as things stand now."""
        folder = metrics_folder.current()
        if folder is None:
            return
        path = folder / metrics_folder.name_of(os.getpid())
        with self._writing:  # an older text must not come after a newer one
            text = orjson.dumps(self.told())
            trouble = gevent.get_hub().threadpool.apply(_replace, (path, text))
        if trouble and not self._has_failed:
            log.warning("other workers do not see this one's figures: %s", trouble)
        self._has_failed = bool(trouble)
        self._written = b"" if trouble else text

    def told(self) -> dict[str, Any]:
        """Return what this worker tells, as values of JSON."""
        routes = self._routes()
        counts = metrics_folder.tell(self._metrics.cells)["counts"]
        counts["upstream_attempts"] = [
            [(route["upstream"], route["model"], how), [count]]
            for route in routes
            for how, count in route["ends"].items()
        ]
        counts["upstream_pauses"] = [
            [(route["upstream"], route["model"]), [route["rate_limits"]]] for route in routes if route["rate_limits"]
        ]
        self._name = self._name or f"{os.getpid()}-{time.monotonic_ns()}"  # a number may come back, this does not
        return {
            "name": self._name,
            "pid": os.getpid(),
            "catalog": self._catalog,
            "renewed_at": self._renewed_at(),
            "late_s": self._late_s,
            "routes": routes,
            "counts": counts,
        }

    def machine(self) -> tuple[Sequence[dict[str, Any]], dict[str, Any]]:
        """Return what every living worker of the machine told last, this one as of now, and what the ended ones left.

        Times in it are of the machine's monotonic clock.
        """
        folder = metrics_folder.current()
        if folder is None:
            return [self.told()], {}
        self.write()
        workers, ended = metrics_folder.read_all(folder)
        if not any(worker["name"] == self._name for worker in workers):  # it could not be written
            workers.append(self.told())
        return workers, ended

    def _keep_writing(self) -> None:
        while True:
            try:
                if orjson.dumps(self.told()) != self._written:
                    self.write()
            except Exception:  # one bad round must not be the last
                log.exception("the worker's file could not be made")
            due = time.monotonic() + EVERY_S
            gevent.sleep(EVERY_S)
            self._late_s = round(time.monotonic() - due, 2)  # coarse: an idle worker's text stays the same


def _replace(path: Path, text: bytes) -> str:
    """Write the file, in a thread of its own; return what went wrong."""
    try:
        metrics_folder.write(path, text)
    except OSError as error:
        return str(error)
    return ""


def digest_of(catalog: Catalog) -> str:
    """Return a short text that differs between catalogs: workers that have the same serve the same."""
    return sha256(repr(catalog).encode()).hexdigest()[:12]
