"""Transactions: the two ways in which anything reaches the database.

``read`` and ``write`` take a function of a connection and run it in one transaction. Trouble that passes
(a locked SQLite file, a deadlock, a connection that the server closed) is waited out in Python, where the
other greenlets of the worker run on; what does not pass in time becomes ``StorageUnavailable``. The
function may run more than once, also when its first run was committed (the connection can break while the
answer to COMMIT is on its way); so it must touch nothing but the database, and bear a repetition.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.orm import Session

from .file_turn import FileTurn
from .mysql_transactions import MysqlTransactions
from .sqlite_transactions import SqliteTransactions
from .storage_trouble import StorageUnavailable as StorageUnavailable
from .storage_trouble import is_storage_trouble, passes
from .turns import NoTurn, Turns
from .unfinished import Unfinished

T = TypeVar("T")
Work = Callable[[sa.Connection], T]

WAIT_S = 10.0  # how long a transaction may wait for its turn
# Another worker holds SQLite's lock for some 0.1 ms: to go on at once costs less than to wait in line, and whoever
# comes out of a line goes on without a place in its account's fair share.
BRIEFLY_S = 0.0003  # the whole worker waits, and its core is free for whoever holds the lock
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.0001, 0.004


class Storage:
    """Runs transactions on one engine.

    ``unfinished`` holds closings that the database refused; the worker's housekeeping repeats them.
    """

    def __init__(self, engine: sa.Engine) -> None:
        """Keep the engine; ``is_sqlite`` tells which way of locking applies."""
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.unfinished = Unfinished()
        self.writes = 0  # transactions that write, so far; they fill SQLite's write-ahead log
        self.stored_since_last_look: dict[int, int] = {}  # by account, in bytes; see stored_response_room
        self._writer = engine.execution_options(writes=True)
        self._transactions = SqliteTransactions(engine) if self.is_sqlite else MysqlTransactions(engine)
        self._run: Callable[..., Any] = self._transactions.run
        # Whoever is first of this process asks the database for a lock, the others queue in memory. On
        # SQLite one greenlet that asks again every few milliseconds is cheap, four hundred are not; on
        # MySQL four hundred requests of one account would hold every connection of the pool.
        self._turns, self._file = Turns(), FileTurn()

    def read(self, work: Work[T], *, is_lone: bool = False) -> T:
        """Run ``work`` in a transaction that only reads; ``is_lone`` work is one prepared statement and needs none.

        Raises:
            StorageUnavailable: the database did not answer in time.
        """
        result: T = self._patiently(self._run, work, False, is_lone)
        return result

    def write(self, work: Work[T], *, turn: Hashable = None, account: Hashable = None, is_lone: bool = False) -> T:
        """Run ``work`` in a transaction that writes, and commit it.

        Of those with the same ``turn`` one after the other is let through to the database. On SQLite all writers are
        as of one, and of those who wait different accounts alternate; ``account`` is the ``turn`` if it is not given.
        ``is_lone`` work runs prepared statements each of which is a transaction of its own.

        Raises:
            StorageUnavailable: the database did not answer, or another writer held it, for too long.
        """
        result: T = self._in_turn(self._run, work, turn, is_lone, turn if account is None else account)
        return result

    def read_session(self, work: Callable[[Session], T]) -> T:
        """``read`` with an ORM session, for pages and commands."""
        result: T = self._patiently(self._run_session, work, False, False)
        return result

    def write_session(self, work: Callable[[Session], T]) -> T:
        """``write`` with an ORM session, for pages and commands."""
        result: T = self._in_turn(self._run_session, work, None, False)
        return result

    def let_go(self) -> None:
        """Close all connections that lie idle: others are to see that nobody here uses the database."""
        self._transactions.let_go()
        self.engine.dispose()

    def now(self, connection: sa.Connection, told: datetime | None = None) -> datetime:
        """Return the database's clock: the machine's own for SQLite, the server's for MySQL.

        ``told`` is what the server's clock has just said in this transaction.
        """
        if self.is_sqlite:
            return datetime.now(UTC)
        clock = told or connection.exec_driver_sql("SELECT UTC_TIMESTAMP(6)").scalar_one()
        return clock.replace(tzinfo=UTC)

    def _run_session(self, work: Callable[[Session], T], *, writes: bool, is_lone: bool) -> T:
        with (self._writer if writes else self.engine).begin() as connection:
            session = Session(connection, expire_on_commit=False)
            result = work(session)
            if writes:
                session.flush()
            return result

    def _in_turn(
        self,
        run: Callable[..., Any],
        work: Callable[..., Any],
        turn: Hashable,
        is_lone: bool,
        account: Hashable = None,
    ) -> Any:
        self.writes += 1
        if turn is None and not self.is_sqlite:
            return self._patiently(run, work, True, is_lone)
        started = time.monotonic()
        try:
            if self.is_sqlite:
                self._file.take(account, WAIT_S)
            else:
                self._turns.take(turn, WAIT_S)
        except NoTurn:
            raise StorageUnavailable("other writers of this worker did not finish in time") from None
        try:
            return self._patiently(run, work, True, is_lone, started)
        finally:
            if self.is_sqlite:
                self._file.leave()
            else:
                self._turns.leave(turn)

    def _patiently(
        self,
        run: Callable[..., Any],
        work: Callable[..., Any],
        writes: bool,
        is_lone: bool,
        started: float | None = None,
    ) -> Any:
        give_up_at = (time.monotonic() if started is None else started) + WAIT_S
        pause = FIRST_PAUSE_S
        brief_until = time.monotonic() + BRIEFLY_S if self.is_sqlite and writes else 0.0
        while True:
            try:
                return run(work, writes=writes, is_lone=is_lone)
            except (exc.DBAPIError, exc.TimeoutError, sqlite3.Error) as error:
                if not is_storage_trouble(error):
                    raise
                if not passes(error) or time.monotonic() > give_up_at:
                    raise StorageUnavailable(str(error)) from error
            if time.monotonic() < brief_until:
                os.sched_yield()
                continue
            time.sleep(pause * (0.5 + random.random()))  # noqa: S311  (spreads the writers, guards nothing)
            pause = min(pause * 2, LONGEST_PAUSE_S)
