"""Putting a backup in the place of the database, on a stopped service.

All is checked before anything is changed, and the old database is kept. A SQLite file is replaced in one step:
there is the old one or the new one at any moment. MySQL has no such step: the old tables are dumped first, and
from the first drop to the last insert the revision reads "restoring", which no start takes for a database.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct
from sqlalchemy.exc import DBAPIError

from models import rights, sqlite_file, whole_database
from models.base import db
from models.sqlite_file import BrokenFile, Facts
from models.storage import StorageUnavailable
from service.database import backup, backup_client, backup_dump, backup_holders, schema
from service.database.backup_file import GZIP_MAGIC, SHORTEST_GZIP, check_room, copy, reading, write_through
from service.process.not_ready import NotReady
from service.services import services


class Restored(Struct, frozen=True):
    """What was put in place, and where the old database is now; None where there was none."""

    facts: Facts
    kept: Path | None


def restore(file: Path) -> Restored:
    """Check a backup and put it in the place of the database.

    Raises:
        NotReady: it cannot be restored; the sentence says why, and what the database is now.
        StorageUnavailable: the database does not answer.
    """
    if not file.is_file():
        raise NotReady(f"there is no file {file}")
    try:
        with schema.one_at_a_time() as own:
            backup_holders.refuse_if_used("a restore", own)
            return (_restore_sqlite if services().storage.is_sqlite else _restore_mysql)(file, own)
    except DBAPIError as error:
        raise StorageUnavailable(str(error)) from error


def load(file: Path) -> None:
    """Replace all tables of a MySQL database by those of a checked backup.

    Raises:
        NotReady: it went wrong on the way; the revision reads ``whole_database.RESTORING``.
    """
    with db.engine.connect() as connection:
        whole_database.empty(connection)
    with backup_client.running(db.engine.url) as client:
        backup_dump.write_lines(client, backup_dump.statements(file))
    facts = backup_dump.check(file)
    with db.engine.connect() as connection:
        found = whole_database.row_counts(connection, list(facts.rows))
    if found != facts.rows:
        with db.engine.connect() as connection:
            whole_database.set_revision(connection, whole_database.RESTORING)
        raise NotReady("the tables do not have the rows that the backup tells")


def _restore_sqlite(file: Path, own: set[int]) -> Restored:
    path = backup.sqlite_path()
    if backup_dump.is_dump(file):
        raise NotReady(f"{file} is a backup of MySQL or MariaDB, and DATABASE_URL names a SQLite file")
    path.parent.mkdir(parents=True, exist_ok=True)
    check_room(path.parent, unpacked_size(file), "a restore")
    draft = path.with_name(f".{path.name}.restoring")
    try:
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        try:
            copy(file, draft, packed=False)
            if not _is_sqlite(draft):
                raise BrokenFile("it is none")
            facts = sqlite_file.check(draft)
        except (OSError, EOFError) as error:
            raise BrokenFile(str(error)) from error
        _refuse_unfit(file, facts)
        write_through(draft)
        # That took a while. Who had looked at the database just before may have opened it since.
        backup_holders.refuse_if_used("a restore", own)
        kept = _keep_old(path) if path.exists() else None
        draft.replace(path)
        write_through(path.parent)
    except BrokenFile as error:
        raise NotReady(f"{file} is no sound backup of a SQLite database: {error}. Nothing was changed.") from error
    finally:
        draft.unlink(missing_ok=True)
    return Restored(facts, kept)


def _keep_old(path: Path) -> Path:
    """Give the old database a second name; at its own name it stays until it is replaced."""
    kept = path.with_name(f"{path.name}.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    sqlite_file.close_log(path)
    sides = [each for suffix in sqlite_file.SIDE_FILES if (each := path.with_name(path.name + suffix)).exists()]
    os.link(path, kept)
    for side in sides:  # of a damaged file, whose log could not be closed; the new one must not be given it
        os.link(side, kept.with_name(kept.name + side.name.removeprefix(path.name)))
    write_through(path.parent)
    for side in sides:
        side.unlink()
    return kept


def _restore_mysql(file: Path, own: set[int]) -> Restored:
    backup.check_means()
    try:
        facts = backup_dump.check(file)
    except BrokenFile as error:
        hint = "it is a SQLite database, and DATABASE_URL names MySQL or MariaDB" if _is_sqlite(file) else error
        raise NotReady(f"{file} is no sound backup of MySQL or MariaDB: {hint}. Nothing was changed.") from error
    _refuse_unfit(file, facts)
    with db.engine.connect() as connection:
        old = whole_database.revision(connection)
        is_empty = old is None and not set(whole_database.table_names(connection)) - set(rights.TABLES)
    if old is None and not is_empty:
        raise NotReady("this database has tables of something else: name an empty one in DATABASE_URL")
    _refuse_without_rights(file)
    kept = None
    if old is not None and old != whole_database.RESTORING:
        kept = backup.before(old, "restore")
    backup_holders.refuse_if_used("a restore", own)
    try:
        load(file)
    except (NotReady, DBAPIError) as error:
        raise NotReady(f"{_in_short(error)}. {put_back(kept)}") from error
    return Restored(facts, kept)


def put_back(kept: Path | None, then: str = "") -> str:
    """Restore what was kept after something went wrong; return a sentence on how that went, well with ``then``."""
    if kept is None:
        return "The database is left half-way, and no backup of it was kept: restore one."
    try:
        _refuse_without_rights(kept)
        load(kept)
    except (NotReady, BrokenFile, OSError, DBAPIError) as error:
        return (
            f"The old tables could not be put back either ({_in_short(error)}): they are in {kept}, "
            "and `flask restore` of that file brings them back once the cause is mended."
        )
    return " ".join(filter(None, [f"The old tables are in their place again; they are also in {kept}.", then]))


def _refuse_without_rights(file: Path) -> None:
    """Refuse, before a table is dropped, where the database's user may not make those of a backup."""
    with db.engine.connect() as connection:
        missing = rights.first_missing(connection, with_triggers=backup_dump.has_triggers(file))
    if missing is not None:
        right, words = missing
        raise NotReady(
            f"a restore takes the right {right} on this database, and the server does not grant it ({words}), "
            "see docs/databases.md. No table was dropped."
        )


def _in_short(error: Exception) -> str:
    """Return an error in one line; further lines of the database's hold the statement and its values."""
    told = getattr(error, "orig", None) or error
    return (str(told).splitlines() or [""])[0].removesuffix(".")


def _refuse_unfit(file: Path, facts: Facts) -> None:
    """Refuse a backup that this version, or this key, cannot work with."""
    known = schema.known_revisions()
    if facts.revision is None or "accounts" not in facts.rows:
        raise NotReady(f"{file} is a database, but none of Smart Route. Nothing was changed.")
    if facts.revision not in known:
        raise NotReady(
            f"{file} has schema {facts.revision}, and this version knows schemas up to {known[-1]}: restore it with "
            "the version that made it, or a later one. Nothing was changed."
        )
    if facts.key_fingerprint not in (None, services().keyring.fingerprint):
        raise NotReady(
            f"{file} was made with another SECRET_KEY: its tokens could not be shown and nobody would be signed in. "
            "Put that key back first (SECRET_KEY, or the file instance/secret_key). Nothing was changed."
        )


def unpacked_size(file: Path) -> int:
    """Return about how many bytes a backup takes unpacked; of a packed one its end tells, below 4 GB exactly."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        if stream.read(2) != GZIP_MAGIC or size < SHORTEST_GZIP:
            return size
        stream.seek(-4, os.SEEK_END)
        return max(size, int.from_bytes(stream.read(4), "little"))


def _is_sqlite(file: Path) -> bool:
    with suppress(OSError, EOFError), reading(file) as stream:
        return stream.read(len(sqlite_file.MAGIC)) == sqlite_file.MAGIC
    return False
