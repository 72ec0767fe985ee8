"""Moving a SQLite file's write-ahead log into the file."""

from __future__ import annotations

import sqlite3

MANY_WRITES = 300
"""Transactions: some thousand pages, far below the length at which SQLite moves them itself, and stops the loop."""
FEW_WAIT_S = 1.0


class Checkpoints:
    """Tells when the next checkpoint is due: soon under a flood of writes, seldom for a few, never for none."""

    def __init__(self, writes: int, now: float) -> None:
        """Begin with a log that holds nothing; ``writes`` counts all transactions so far, ``now`` seconds."""
        self._writes = writes
        self._at = now

    def is_due(self, writes: int, now: float) -> bool:
        """Tell whether to make one now; it is taken for made."""
        new = writes - self._writes
        if new >= MANY_WRITES or (new and now - self._at >= FEW_WAIT_S):
            self._writes, self._at = writes, now
            return True
        return False


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
