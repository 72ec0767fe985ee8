"""Transactions on MySQL and MariaDB with as few messages as they can have.

What costs is the message and its answer, less what it asks. So several statements go in one message
(``prepared``): ``BEGIN`` with the first, ``COMMIT`` with the last, and a lone statement needs neither, because
these connections commit each statement by themselves. READ COMMITTED gives a transaction that only reads
nothing that its statements alone would not have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from .kept_connections import KeptConnections

T = TypeVar("T")

# In ``Connection.info`` of these connections: whether the next statement begins a transaction.
BEGINS = "the next statement begins a transaction"
# Of each answer's status. Source: https://mariadb.com/kb/en/ok_packet/#server-status-flag
_IN_TRANSACTION = 1


def is_in_transaction(driver: Any) -> bool:
    """Tell whether a transaction is open, by the server's last answer."""
    return bool(driver.server_status & _IN_TRANSACTION)


class MysqlTransactions:
    """Runs functions of a connection in transactions, on kept connections of one engine."""

    def __init__(self, engine: sa.Engine) -> None:
        """Connect when first needed."""
        self._connections = KeptConnections(engine, as_in_pool=lambda driver: driver.autocommit(False))
        self._dialect: Any = engine.dialect
        self._driver_error: type[Exception] = self._dialect.loaded_dbapi.Error

    def run(self, work: Callable[[sa.Connection], T], *, writes: bool, is_lone: bool) -> T:
        """Run ``work`` in a transaction and commit it.

        What ``is_lone`` runs prepared statements alone, each of which is a transaction of its own.

        Raises:
            sqlalchemy.exc.DBAPIError: nothing is committed, or the answer to the commit was lost.
        """
        connection, driver = self._connections.take()
        try:
            driver.autocommit(True)  # asks the server only where it is not so yet
            connection.info[BEGINS] = writes and not is_lone
            result = work(connection)
            if connection.in_transaction():
                connection.commit()  # SQLAlchemy has joined in, with a statement that is not prepared
            elif is_in_transaction(driver):
                driver.commit()
        except BaseException as error:
            is_lost = self._clean_up(connection, driver, error)
            if isinstance(error, self._driver_error):
                raise self._as_sqlalchemy_tells_it(error, is_lost) from error
            raise
        self._connections.give_back(connection, driver)
        return result

    def let_go(self) -> None:
        """Close the connections that are kept."""
        self._connections.discard_all()

    def _clean_up(self, connection: sa.Connection, driver: Any, error: BaseException) -> bool:
        """Leave no transaction open; tell whether the connection is lost."""
        if connection.invalidated or self._is_disconnect(error, driver):
            self._connections.discard(connection)
            self._connections.discard_all()
            return True
        if not isinstance(error, Exception):  # the greenlet was killed, perhaps between a message and its answer
            self._connections.discard(connection)
            return True
        try:
            if connection.in_transaction():
                connection.rollback()
            driver.rollback()
        except BaseException as trouble:
            self._connections.discard(connection)
            if isinstance(trouble, self._driver_error | exc.SQLAlchemyError):
                return True
            raise
        self._connections.give_back(connection, driver)
        return False

    def _is_disconnect(self, error: BaseException, driver: Any) -> bool:
        return isinstance(error, self._driver_error) and bool(self._dialect.is_disconnect(error, driver, None))

    def _as_sqlalchemy_tells_it(self, error: Exception, is_lost: bool) -> BaseException:
        return exc.DBAPIError.instance(
            "a prepared statement",
            None,
            error,
            self._driver_error,
            hide_parameters=True,
            connection_invalidated=is_lost,
            dialect=self._dialect,
        )
