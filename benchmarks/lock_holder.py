"""``python -m benchmarks.lock_holder FILE``: hold SQLite's write lock 0.3 s of each second until standard input closes.

What a backup, a migration, or another worker's long transaction does to a gateway.
"""

from __future__ import annotations

import select
import sqlite3
import sys
from contextlib import closing

HELD_S, FREE_S = 0.3, 0.7


def main() -> None:
    """Hold and let go, by turns; prints a line when it holds the lock for the first time."""
    with closing(sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10)) as connection:
        while True:
            connection.execute("BEGIN IMMEDIATE")
            print("held", flush=True)
            is_over = bool(select.select([sys.stdin], [], [], HELD_S)[0])
            connection.execute("ROLLBACK")
            if is_over or select.select([sys.stdin], [], [], FREE_S)[0]:
                return


if __name__ == "__main__":
    main()
