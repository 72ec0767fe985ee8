"""Moving a SQLite file's write-ahead log into the file."""

from __future__ import annotations

import sqlite3


def checkpoint(path: str) -> str | None:
    """Move what a SQLite file's write-ahead log holds into the file, without making anybody wait.

    It waits for the disk, so it is run in a real thread and shares nothing with the greenlets; it returns
    what went wrong, or None.
    """
    try:
        connection = sqlite3.connect(path, timeout=0)
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            connection.close()
    except sqlite3.Error as error:
        return str(error)
    return None
