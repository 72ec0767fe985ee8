"""Giving the room that deleted rows left in a SQLite file back to the disk."""

from __future__ import annotations

from models import sqlite_file
from service.database import backup, backup_holders, schema
from service.database.backup_file import check_room
from service.process.not_ready import NotReady
from service.services import services


def give_back() -> int:
    """Write the file anew and return by how many bytes it became smaller.

    Raises:
        NotReady: the service runs, there is no room for the new file beside the old, or it is no SQLite file.
    """
    if not services().storage.is_sqlite:
        raise NotReady("--vacuum is for SQLite: MySQL and MariaDB give room back by OPTIMIZE TABLE usage_log.")
    path = backup.sqlite_path()
    with schema.one_at_a_time() as own:
        backup_holders.refuse_if_used("making the file smaller", own)
        before = sqlite_file.size(path)
        check_room(path.parent, before, "making the file smaller")
        services().storage.let_go()
        try:
            sqlite_file.pack(path)
        except sqlite_file.FileTrouble as error:
            raise NotReady(f"the file could not be made smaller: {error}") from error
        return before - sqlite_file.size(path)
