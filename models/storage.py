"""Transactions: the two ways in which anything reaches the database.

``read`` and ``write`` take a function of a connection and run it in one transaction. Trouble that passes
(a locked SQLite file, a deadlock, a connection that the server closed) is waited out in Python, where the
other greenlets of the worker run on; what does not pass in time becomes ``StorageUnavailable``. The
function may run more than once, so it must touch nothing but the database.
"""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.orm import Session

T = TypeVar("T")

WAIT_S = 10.0  # how long a transaction may wait for its turn
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.001, 0.025

_SQLITE_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
# Lock wait timeout, deadlock. Source: https://mariadb.com/kb/en/mariadb-error-code-reference/
_MYSQL_PASSING = {1205, 1213}


class StorageUnavailable(Exception):
    """The database could not be reached, or not written, within the time that a request may wait."""


class Storage:
    """Runs transactions on one engine."""

    def __init__(self, engine: sa.Engine) -> None:
        """Keep the engine; ``is_sqlite`` tells which way of locking applies."""
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._writer = engine.execution_options(writes=True)
        # SQLite has one writer at a time. Whoever waits for the file waits alone, the others queue behind
        # this lock: one greenlet that asks again every few milliseconds is cheap, four hundred are not.
        self._turn = threading.Lock()

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work`` in a transaction that only reads.

        Raises:
            StorageUnavailable: the database did not answer in time.
        """
        return self._run(self.engine, work)

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work`` in a transaction that writes, and commit it.

        Raises:
            StorageUnavailable: the database did not answer, or another writer held it, for too long.
        """
        if not self.is_sqlite:
            return self._run(self._writer, work)
        if not self._turn.acquire(timeout=WAIT_S):
            raise StorageUnavailable("other writers of this worker did not finish in time")
        try:
            return self._run(self._writer, work)
        finally:
            self._turn.release()

    def read_session(self, work: Callable[[Session], T]) -> T:
        """``read`` with an ORM session, for pages and commands."""
        return self.read(lambda connection: work(Session(connection, expire_on_commit=False)))

    def write_session(self, work: Callable[[Session], T]) -> T:
        """``write`` with an ORM session, for pages and commands."""

        def with_session(connection: sa.Connection) -> T:
            session = Session(connection, expire_on_commit=False)
            result = work(session)
            session.flush()
            return result

        return self.write(with_session)

    def now(self, connection: sa.Connection) -> datetime:
        """Return the database's clock: the machine's own for SQLite, the server's for MySQL."""
        if self.is_sqlite:
            return datetime.now(UTC)
        return connection.exec_driver_sql("SELECT UTC_TIMESTAMP(6)").scalar_one().replace(tzinfo=UTC)

    def _run(self, engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
        give_up_at = time.monotonic() + WAIT_S
        pause = FIRST_PAUSE_S
        while True:
            try:
                with engine.begin() as connection:
                    return work(connection)
            except (exc.DBAPIError, exc.TimeoutError) as error:
                if not _is_storage_trouble(error):
                    raise
                if not _passes(error) or time.monotonic() > give_up_at:
                    raise StorageUnavailable(str(error)) from error
            time.sleep(pause * (0.5 + random.random()))  # noqa: S311  (spreads the writers, guards nothing)
            pause = min(pause * 2, LONGEST_PAUSE_S)


def _is_storage_trouble(error: Exception) -> bool:
    """Tell trouble with the database itself from a fault in a statement or in its data."""
    if isinstance(error, exc.TimeoutError):
        return True
    return isinstance(error, exc.OperationalError | exc.InterfaceError) or (
        isinstance(error, exc.DBAPIError) and error.connection_invalidated
    )


def _passes(error: Exception) -> bool:
    """Tell whether the same transaction may succeed a moment later."""
    if not isinstance(error, exc.DBAPIError):
        return False  # the pool has already waited
    cause: Any = error.orig
    if isinstance(cause, sqlite3.OperationalError):
        # Extended codes keep the primary one in their low byte.
        return (getattr(cause, "sqlite_errorcode", 0) & 0xFF) in _SQLITE_PASSING
    code = cause.args[0] if cause is not None and cause.args else None
    return code in _MYSQL_PASSING or error.connection_invalidated
