"""Transactions on a SQLite file without SQLAlchemy's own: its pool, events and transaction objects cost more
than the statements of a request.

Connections are SQLAlchemy's all the same, kept open and handed from one transaction to the next, so that any
statement can be run on them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from .storage_trouble import passes

T = TypeVar("T")

MOST_KEPT = 8


class SqliteTransactions:
    """Runs functions of a connection in transactions, on kept connections of one engine."""

    def __init__(self, engine: sa.Engine) -> None:
        """Connect when first needed."""
        self._engine = engine
        self._kept: list[tuple[sa.Connection, sqlite3.Connection]] = []

    def run(self, work: Callable[[sa.Connection], T], *, writes: bool) -> T:
        """Run ``work`` in a transaction and commit it; one that writes takes the file's write lock first.

        Raises:
            sqlite3.Error, sqlalchemy.exc.DBAPIError: as the driver tells it; nothing is committed.
        """
        connection, driver = self._kept.pop() if self._kept else self._connect()
        try:
            driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            result = work(connection)
            if connection.in_transaction():
                connection.commit()  # SQLAlchemy has joined in, with a statement that is not prepared
            else:
                driver.execute("COMMIT")
        except BaseException as error:
            self._clean_up(connection, driver, error)
            raise
        self._keep(connection, driver)
        return result

    def _connect(self) -> tuple[sa.Connection, sqlite3.Connection]:
        connection = self._engine.connect()
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)  # noqa: S101
        return connection, driver

    def _keep(self, connection: sa.Connection, driver: sqlite3.Connection) -> None:
        if len(self._kept) < MOST_KEPT:
            self._kept.append((connection, driver))
        else:
            connection.close()

    def _clean_up(self, connection: sa.Connection, driver: sqlite3.Connection, error: BaseException) -> None:
        try:
            if connection.in_transaction():
                connection.rollback()
            if driver.in_transaction:
                driver.execute("ROLLBACK")
        except (sqlite3.Error, sa.exc.SQLAlchemyError):
            connection.invalidate()
            connection.close()
            return
        if isinstance(error, sqlite3.Error) and not passes(error):
            connection.invalidate()  # a file that was replaced or damaged is not to be kept open
            connection.close()
            return
        self._keep(connection, driver)
