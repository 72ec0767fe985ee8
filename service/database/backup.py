"""Backups: one file that holds the whole database as it was at one moment, made while the service runs.

No key is in it: tokens in it can be read, and the service can be run on it, with the ``SECRET_KEY`` alone.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct
from sqlalchemy.exc import DBAPIError

from models import sqlite_file, table_copy, whole_database
from models.base import db
from models.sqlite_file import BrokenFile, Facts
from models.storage import StorageUnavailable
from service.database import backup_client, backup_dump
from service.database.backup_file import check_place, check_room, copy, new_file
from service.process.not_ready import NotReady
from service.services import services

PACKED = ".gz"
SKIP = "; or set backup_before_upgrade = false under [retention] to go without a backup"


class Made(Struct, frozen=True):
    """A backup that was made and checked."""

    path: Path
    size: int
    """Bytes of the file."""
    facts: Facts


def make(target: Path, *, replace: bool = False) -> Made:
    """Write a backup to ``target``, packed where its name ends in ``.gz``, and check it.

    Raises:
        NotReady: it could not be made; the sentence says why, and ``target`` is what it was.
        StorageUnavailable: the database does not answer.
    """
    check_place(target, replace=replace)
    try:
        with new_file(target, replace=replace) as draft:
            packed = target.name.endswith(PACKED)
            facts = (
                _of_sqlite(draft, packed=packed) if services().storage.is_sqlite else _of_mysql(draft, packed=packed)
            )
            if facts.revision == table_copy.UNFINISHED:
                raise NotReady("a move into this database was not finished: nothing to back up")
    except BrokenFile as error:
        raise NotReady(f"the backup is not sound and was not kept: {error}") from error
    except (OSError, sqlite_file.FileTrouble) as error:
        raise NotReady(f"the backup could not be written: {error}") from error
    except DBAPIError as error:
        raise StorageUnavailable(str(error)) from error
    return Made(target, target.stat().st_size, facts)


def before(revision: str, reason: str, otherwise: str = "") -> Path:
    """Make a backup in the folder of automatic ones, named by schema and time; drop the oldest of ``reason``.

    Raises:
        NotReady: there is no room, or it could not be made; ``otherwise`` is a further way out.
    """
    house = services()
    folder = backup_folder()
    check_means(otherwise)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise NotReady(
            f"the backup before the {reason} has no place: {folder} cannot be made ({error.strerror}). Name a folder "
            f"that the service may write to: backup_folder under [retention]{otherwise}. Nothing was changed."
        ) from error
    check_room(folder, _size(), f"the backup before the {reason}", otherwise)
    ending = ".db" if house.storage.is_sqlite else ".sql" + PACKED
    stem = f"{_database_name()}-before-{reason}"
    made = make(folder / f"{stem}-{revision}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}{ending}")
    is_of_these = re.compile(re.escape(stem) + r"-\w+-\d{8}T\d{6}\.\d{6}Z" + re.escape(ending))
    known = [each for each in folder.iterdir() if is_of_these.fullmatch(each.name)]
    known.sort(key=lambda each: each.name.rpartition("-")[2])
    for oldest in known[: -house.catalog.retention.backups_kept]:
        oldest.unlink(missing_ok=True)
    return made.path


def check_means(otherwise: str = "") -> None:
    """Refuse, before anything is done, where a program is missing.

    Raises:
        NotReady: the sentence says which, and where it is found.
    """
    if not services().storage.is_sqlite:
        backup_client.program(backup_client.DUMP, "a backup of MySQL or MariaDB", otherwise)
        backup_client.program(backup_client.CLIENT, "restoring MySQL or MariaDB", otherwise)


def backup_folder() -> Path:
    """Return where backups go that nobody named.

    Links are followed: on an installed server ``instance`` is one, in the folder of a release that goes some day.
    """
    house = services()
    configured = house.catalog.retention.backup_folder
    if configured is not None:
        return (house.settings.root / configured).resolve()
    if house.storage.is_sqlite:
        return sqlite_path().parent.resolve() / "backups"
    return house.settings.instance_dir.resolve() / "backups"


def sqlite_path() -> Path:
    """Return the file of a SQLite database."""
    return Path(db.engine.url.database or "")


def _database_name() -> str:
    url = db.engine.url
    if services().storage.is_sqlite:
        return sqlite_path().name.removesuffix(".db")
    return f"{url.host}-{url.port or 3306}-{url.database}"


def _size() -> int:
    if services().storage.is_sqlite:
        return sqlite_file.size(sqlite_path())
    with db.engine.connect() as connection:
        return whole_database.data_bytes(connection)


def _of_sqlite(draft: Path, *, packed: bool) -> Facts:
    source = sqlite_path()
    if not source.exists():
        raise NotReady(f"there is no database at {source}: nothing to back up")
    if not packed:
        sqlite_file.copy_while_in_use(source, draft)
        return sqlite_file.check(draft)
    plain = draft.with_name(draft.name + ".plain")
    try:
        plain.touch(mode=0o600)
        sqlite_file.copy_while_in_use(source, plain)
        facts = sqlite_file.check(plain)
        copy(plain, draft, packed=True)
        return facts
    finally:
        plain.unlink(missing_ok=True)


def _of_mysql(draft: Path, *, packed: bool) -> Facts:
    revision, fingerprint = _revision_and_fingerprint()
    if revision is None or revision == whole_database.RESTORING:
        raise NotReady("this database has no tables of Smart Route, or half of them: nothing to back up")
    facts = backup_dump.write(db.engine.url, draft, revision, fingerprint, packed=packed)
    if _revision_and_fingerprint()[0] != revision:
        raise NotReady("the database was upgraded meanwhile: make the backup again")
    if backup_dump.check(draft) != facts:
        raise BrokenFile("what was read back is not what was written")
    with db.engine.connect() as connection:
        missing = set(whole_database.table_names(connection)) - facts.rows.keys()
    if missing:
        raise BrokenFile(f"the dump lacks the table {min(missing)}")
    return facts


def _revision_and_fingerprint() -> tuple[str | None, str | None]:
    with db.engine.connect() as connection:
        return whole_database.revision(connection), whole_database.key_fingerprint(connection)
