"""Transactions: the two ways in which anything reaches the database.

``read`` and ``write`` take a function of a connection and run it in one transaction. Trouble that passes
(a locked SQLite file, a deadlock, a connection that the server closed) is waited out in Python, where the
other greenlets of the worker run on; what does not pass in time becomes ``StorageUnavailable``. The
function may run more than once, also when its first run was committed (the connection can break while the
answer to COMMIT is on its way); so it must touch nothing but the database, and bear a repetition.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.orm import Session

from .sqlite_transactions import SqliteTransactions
from .storage_trouble import StorageUnavailable as StorageUnavailable
from .storage_trouble import is_storage_trouble, passes
from .turns import NoTurn, Turns
from .unfinished import Unfinished

T = TypeVar("T")

WAIT_S = 10.0  # how long a transaction may wait for its turn
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.001, 0.025
_THE_FILE = "the one write lock of a SQLite file"


class Storage:
    """Runs transactions on one engine.

    ``unfinished`` holds closings that the database refused; the worker's housekeeping repeats them.
    """

    def __init__(self, engine: sa.Engine) -> None:
        """Keep the engine; ``is_sqlite`` tells which way of locking applies."""
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.unfinished = Unfinished()
        self.stored_since_last_look: dict[int, int] = {}  # by account, in bytes; see stored_response_room
        self._writer = engine.execution_options(writes=True)
        self._sqlite = SqliteTransactions(engine)
        # Whoever is first of this process asks the database for a lock, the others queue in memory. On
        # SQLite one greenlet that asks again every few milliseconds is cheap, four hundred are not; on
        # MySQL four hundred requests of one account would hold every connection of the pool.
        self._turns = Turns()

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work`` in a transaction that only reads.

        Raises:
            StorageUnavailable: the database did not answer in time.
        """
        return self._patiently(lambda: self._read(work), time.monotonic() + WAIT_S)

    def write(self, work: Callable[[sa.Connection], T], *, turn: Hashable = None) -> T:
        """Run ``work`` in a transaction that writes, and commit it.

        Of those with the same ``turn`` one after the other is let through to the database.

        Raises:
            StorageUnavailable: the database did not answer, or another writer held it, for too long.
        """
        return self._in_turn(lambda: self._write(work), turn)

    def read_session(self, work: Callable[[Session], T]) -> T:
        """``read`` with an ORM session, for pages and commands."""

        def read() -> T:
            with self.engine.begin() as connection:
                return work(Session(connection, expire_on_commit=False))

        return self._patiently(read, time.monotonic() + WAIT_S)

    def write_session(self, work: Callable[[Session], T]) -> T:
        """``write`` with an ORM session, for pages and commands."""

        def write() -> T:
            with self._writer.begin() as connection:
                session = Session(connection, expire_on_commit=False)
                result = work(session)
                session.flush()
                return result

        return self._in_turn(write, None)

    def now(self, connection: sa.Connection) -> datetime:
        """Return the database's clock: the machine's own for SQLite, the server's for MySQL."""
        if self.is_sqlite:
            return datetime.now(UTC)
        clock: datetime = connection.exec_driver_sql("SELECT UTC_TIMESTAMP(6)").scalar_one()
        return clock.replace(tzinfo=UTC)

    def _read(self, work: Callable[[sa.Connection], T]) -> T:
        if self.is_sqlite:
            return self._sqlite.run(work, writes=False)
        with self.engine.begin() as connection:
            return work(connection)

    def _write(self, work: Callable[[sa.Connection], T]) -> T:
        if self.is_sqlite:
            return self._sqlite.run(work, writes=True)
        with self._writer.begin() as connection:
            return work(connection)

    def _in_turn(self, transaction: Callable[[], T], turn: Hashable) -> T:
        give_up_at = time.monotonic() + WAIT_S
        if self.is_sqlite:
            turn = _THE_FILE
        if turn is None:
            return self._patiently(transaction, give_up_at)
        try:
            with self._turns.take(turn, WAIT_S):
                return self._patiently(transaction, give_up_at)
        except NoTurn:
            raise StorageUnavailable("other writers of this worker did not finish in time") from None

    def _patiently(self, transaction: Callable[[], T], give_up_at: float) -> T:
        pause = FIRST_PAUSE_S
        while True:
            try:
                return transaction()
            except (exc.DBAPIError, exc.TimeoutError, sqlite3.Error) as error:
                if not is_storage_trouble(error):
                    raise
                if not passes(error) or time.monotonic() > give_up_at:
                    raise StorageUnavailable(str(error)) from error
            time.sleep(pause * (0.5 + random.random()))  # noqa: S311  (spreads the writers, guards nothing)
            pause = min(pause * 2, LONGEST_PAUSE_S)
