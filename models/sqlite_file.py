"""SQLite files as such, beside any engine: copying one that is in use, looking into one, packing one.

Sources: https://www.sqlite.org/backup.html, https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from .installation import KEY_FINGERPRINT

FileTrouble = sqlite3.Error
"""What the functions here raise where a file cannot be read or written."""
MAGIC = b"SQLite format 3\0"
SIDE_FILES = ("-wal", "-shm", "-journal")
WAIT_S = 10.0
PAGES_AT_ONCE = 4096


class BrokenFile(Exception):
    """A file that is no whole SQLite database; the text says what is wrong with it."""


class Facts(Struct, frozen=True):
    """What a database says of itself."""

    revision: str | None
    """Of its schema; None where it has none."""
    key_fingerprint: str | None
    """Of the ``SECRET_KEY`` that it was first used with; None where it was never served."""
    rows: dict[str, int]
    """Table -> number of rows."""


def copy_while_in_use(source: Path, target: Path) -> None:
    """Copy a database as it is at this moment, while others write to it; ``target`` is one file, without a log.

    Raises:
        FileTrouble: it cannot be read, or the copy cannot be written.
    """
    with closing(_open(source)) as reading, closing(sqlite3.connect(target, isolation_level=None)) as writing:
        writing.execute("PRAGMA synchronous=OFF")  # whoever asked for the copy writes it through to the disk
        # One snapshot for all steps: else the copy would begin again with every commit of another process.
        reading.execute("BEGIN")
        reading.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        reading.backup(writing, pages=PAGES_AT_ONCE)
        reading.execute("ROLLBACK")
        writing.execute("PRAGMA journal_mode=DELETE")


def check(path: Path) -> Facts:
    """Read a whole database that nobody uses and return what it says of itself.

    Raises:
        BrokenFile: it is damaged, or no database.
    """
    try:
        with closing(_open(path)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
            if found != ["ok"]:
                raise BrokenFile("; ".join(found))
            orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
            if orphan is not None:
                raise BrokenFile(f"a row of {orphan[0]} refers to a row of {orphan[2]} that is not there")
            return _facts(connection)
    except sqlite3.Error as error:
        raise BrokenFile(str(error)) from error


def size(path: Path) -> int:
    """Return the bytes that a database takes on the disk, its write-ahead log included."""
    files = [path, *(path.with_name(path.name + suffix) for suffix in SIDE_FILES)]
    return sum(each.stat().st_size for each in files if each.exists())


def close_log(path: Path) -> bool:
    """Move all that the write-ahead log holds into the file and end it; false for a file that is damaged.

    Only where nobody else uses the database.
    """
    try:
        with closing(_open(path)) as connection:
            return bool(connection.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",))
    except sqlite3.Error:
        return False


def pack(path: Path) -> None:
    """Write the file anew without the room that deleted rows left; it needs as much free disk as the file has.

    Raises:
        FileTrouble: somebody uses it, or the disk is full; the file stays as it was.
    """
    with closing(_open(path)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _open(path: Path) -> sqlite3.Connection:
    # rw: a name that does not exist must not make an empty database.
    uri = f"{path.resolve().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=WAIT_S, isolation_level=None)


def _facts(connection: sqlite3.Connection) -> Facts:
    names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name"
    tables = [row[0] for row in connection.execute(names)]
    quoted = {name: '"' + name.replace('"', '""') + '"' for name in tables}
    rows = {name: connection.execute(f"SELECT COUNT(*) FROM {quoted[name]}").fetchone()[0] for name in tables}  # noqa: S608
    revision = fingerprint = None
    if "alembic_version" in rows:
        revision = _first(connection.execute("SELECT version_num FROM alembic_version"))
    if "installation_facts" in rows:
        known = connection.execute("SELECT value FROM installation_facts WHERE name = ?", (KEY_FINGERPRINT,))
        fingerprint = _first(known)
    rows.pop("alembic_version", None)
    return Facts(revision, fingerprint, rows)


def _first(cursor: sqlite3.Cursor) -> str | None:
    row = cursor.fetchone()
    return None if row is None else str(row[0])
