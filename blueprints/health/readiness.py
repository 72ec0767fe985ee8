"""Can this machine serve requests now? Asked each second by load balancers, and by anybody who likes to.

Every answer is remembered, so that asking often costs a dictionary access and nothing can be stirred up by it: the
database is asked at most once a second, and only where no upstream answered lately, connections to them are tried,
at most every ten seconds, or three while none succeeds. The words of the report name no upstream and no address.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import gevent

from models.glance import newest_migration
from models.schema_revision import schema_revision
from models.storage import Storage

T = TypeVar("T")

DATABASE_FRESH_S, DATABASE_WAIT_S = 1.0, 2.0
UPSTREAMS_FRESH_S, UPSTREAMS_WAIT_S = 10.0, 2.5
UPSTREAMS_RETRY_S = 3.0
OK = "ok"


class Readiness:
    """What one worker knows of its machine."""

    def __init__(
        self,
        storage: Storage,
        migrations: Path,
        last_output: Callable[[], float],
        reach: Callable[[], bool],
        is_draining: Callable[[], bool],
    ) -> None:
        """Take where to look.

        ``last_output`` tells when an upstream last answered (Unix seconds); ``reach`` tries connections to them.
        """
        # Read at once: a newer release may be unpacked in this place while this one still serves.
        self._newest = newest_migration(migrations)
        self._last_output = last_output
        self._reach = reach
        self._is_draining = is_draining
        self._revision = Remembered(lambda: schema_revision(storage) or "", DATABASE_FRESH_S, DATABASE_WAIT_S)
        self._reached = Remembered(self._is_reached, UPSTREAMS_FRESH_S, UPSTREAMS_WAIT_S, UPSTREAMS_RETRY_S)

    def report(self) -> dict[str, str]:
        """Return a word for each thing that is needed; ready is who has ``ok`` everywhere."""
        if self._is_draining():
            return {"worker": "stopping"}
        revision = self._revision.get()
        return {
            "worker": OK,
            "database": "unreachable" if revision is None else OK,
            "migrations": "unknown" if revision is None else self._migrations(revision),
            "upstreams": OK if self._reached.get() else "unreachable",
        }

    def _migrations(self, revision: str) -> str:
        """A newer schema is no hindrance: another machine of the installation has been upgraded first."""
        # While a restore or a move fills a database, a word stands where the number belongs.
        return OK if revision[:1].isdecimal() and revision >= self._newest else "missing"

    def _is_reached(self) -> bool:
        return time.time() - self._last_output() < UPSTREAMS_FRESH_S or self._reach()


def is_ready(report: dict[str, str]) -> bool:
    """Tell whether a report has nothing to complain of."""
    return all(word == OK for word in report.values())


class Remembered(Generic[T]):
    """An answer that is asked for anew when it is older than ``fresh_s``, by one greenlet at a time.

    One that is nothing or false is asked for anew after ``retry_s`` already.
    """

    def __init__(self, ask: Callable[[], T], fresh_s: float, wait_s: float, retry_s: float | None = None) -> None:
        """Ask nothing yet. Whoever wants to know waits ``wait_s`` at most."""
        self._ask = ask
        self._fresh_s = fresh_s
        self._retry_s = fresh_s if retry_s is None else retry_s
        self._wait_s = wait_s
        self._answer: T | None = None
        self._at: float | None = None
        self._asking: gevent.Greenlet | None = None

    def get(self) -> T | None:
        """Return the answer; None where asking failed, or none came in time."""
        fresh_s = self._fresh_s if self._answer else self._retry_s
        if self._at is not None and time.monotonic() - self._at < fresh_s:
            return self._answer
        if self._asking is None:
            self._asking = gevent.spawn(self._renew)
        asking = self._asking
        asking.join(self._wait_s)
        return self._answer if asking.ready() else None

    def _renew(self) -> None:
        try:
            self._answer = self._ask()
        except Exception:  # whatever it is, there is no answer
            self._answer = None
        finally:
            self._at = time.monotonic()
            self._asking = None
