"""SQLite's write-ahead log, moved into the database file before a commit has to do it."""

from __future__ import annotations

import sqlite3


def checkpoint(path: str) -> str | None:
    """Move what the log holds into the file at ``path``, without making anybody wait; return what went wrong.

    It waits for the disk, so it belongs into a real thread; it shares nothing with other threads.
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
