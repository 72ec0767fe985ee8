"""Connections that transactions of the request's path hand to each other.

Taking one from SQLAlchemy's pool and giving it back costs more than the statements of a request. They are
SQLAlchemy's all the same, so that any statement can be run on them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

MOST_KEPT = 8


class KeptConnections:
    """Connections of one engine with the driver's own, kept open from one transaction to the next."""

    def __init__(self, engine: sa.Engine, as_in_pool: Callable[[Any], object] | None = None) -> None:
        """Connect when first needed; ``as_in_pool`` makes a driver's connection what the pool expects back."""
        self._engine = engine
        self._as_in_pool = as_in_pool
        self._kept: list[tuple[sa.Connection, Any]] = []
        self._connecting = 0

    def take(self) -> tuple[sa.Connection, Any]:
        """Return one, the last that was given back first: its pages and buffers are warm.

        Raises:
            sqlalchemy.exc.DBAPIError, sqlalchemy.exc.TimeoutError: there is none to be had.
        """
        if self._kept:
            return self._kept.pop()
        self._connecting += 1
        try:
            connection = self._engine.connect()
        finally:
            self._connecting -= 1
        return connection, connection.connection.driver_connection

    def give_back(self, connection: sa.Connection, driver: Any) -> None:
        """Keep one that is in no transaction; the pool has it where somebody waits there."""
        if len(self._kept) < MOST_KEPT and not self._connecting:
            self._kept.append((connection, driver))
            return
        try:
            if self._as_in_pool is not None:
                self._as_in_pool(driver)
        except BaseException as error:
            self.discard(connection)
            if isinstance(error, Exception):
                return  # the server has gone since; what was committed is, and its caller is to know
            raise
        connection.close()

    def discard(self, connection: sa.Connection) -> None:
        """Close one that is not to be used again."""
        connection.invalidate()
        connection.close()

    def discard_all(self) -> None:
        """Close all that lie idle: the server that they lead to has gone, or somebody else is to have the database."""
        while self._kept:
            self.discard(self._kept.pop()[0])
