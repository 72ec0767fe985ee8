"""Transactions on a SQLite file without SQLAlchemy's own: its pool, events and transaction objects cost more
than the statements of a request.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from .kept_connections import KeptConnections
from .storage_trouble import passes

T = TypeVar("T")


class SqliteTransactions:
    """Runs functions of a connection in transactions, on kept connections of one engine."""

    def __init__(self, engine: sa.Engine) -> None:
        """Connect when first needed."""
        self._connections = KeptConnections(engine)

    def run(self, work: Callable[[sa.Connection], T], *, writes: bool, is_lone: bool) -> T:
        """Run ``work`` in a transaction and commit it; one that writes takes the file's write lock first.

        What ``is_lone`` runs prepared statements alone, each of which SQLite makes a transaction of its own.

        Raises:
            sqlite3.Error, sqlalchemy.exc.DBAPIError: as the driver tells it; nothing is committed.
        """
        connection, driver = self._connections.take()
        try:
            if not is_lone:
                driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            result = work(connection)
            if driver.in_transaction:
                if connection.in_transaction():
                    connection.commit()  # SQLAlchemy has joined in, with a statement that is not prepared
                else:
                    driver.execute("COMMIT")
        except BaseException as error:
            self._clean_up(connection, driver, error)
            raise
        self._connections.give_back(connection, driver)
        return result

    def let_go(self) -> None:
        """Close the connections that are kept."""
        self._connections.discard_all()

    def _clean_up(self, connection: sa.Connection, driver: sqlite3.Connection, error: BaseException) -> None:
        try:
            if connection.in_transaction():
                connection.rollback()
            if driver.in_transaction:
                driver.execute("ROLLBACK")
        except (sqlite3.Error, sa.exc.SQLAlchemyError):
            self._connections.discard(connection)
            return
        if isinstance(error, sqlite3.Error) and not passes(error):
            self._connections.discard(connection)  # a file that was replaced or damaged is not to be kept open
            return
        self._connections.give_back(connection, driver)
