"""Which errors are trouble with the database itself, and which of them pass by waiting."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import exc

_SQLITE_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
# Lock wait timeout, deadlock. Source: https://mariadb.com/kb/en/mariadb-error-code-reference/
_MYSQL_PASSING = {1205, 1213}


class StorageUnavailable(Exception):
    """The database could not be reached, or not written, within the time that a request may wait."""


def is_storage_trouble(error: Exception) -> bool:
    """Tell trouble with the database from a fault in a statement or in its data."""
    if isinstance(error, sqlite3.Error):
        return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
    if isinstance(error, exc.TimeoutError):
        return True  # no connection of the pool was free in time
    if not isinstance(error, exc.DBAPIError):
        return False
    # A damaged SQLite file is reported by the bare class of all database errors.
    return (
        isinstance(error, exc.OperationalError | exc.InterfaceError)
        or type(error) is exc.DatabaseError
        or error.connection_invalidated
    )


def passes(error: Exception) -> bool:
    """Tell whether the same transaction may succeed a moment later."""
    cause: Any = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(cause, sqlite3.OperationalError):
        # Extended codes keep the primary one in their low byte.
        return (getattr(cause, "sqlite_errorcode", 0) & 0xFF) in _SQLITE_PASSING
    if not isinstance(error, exc.DBAPIError):
        return False  # the pool has already waited
    code = cause.args[0] if cause is not None and cause.args else None
    return code in _MYSQL_PASSING or error.connection_invalidated
