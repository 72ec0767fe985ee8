"""Bringing an older database to this version: backed up before, verified after, and undone where it fails.

On SQLite all migrations and their verification are one transaction: what fails leaves no trace, also while the
old version serves on. On MySQL every change of a table stands by itself: what was interrupted is gone on with
at the next start (migrations/env.py), and what fails is undone from the backup if nobody else serves.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models import table_copy, verification, whole_database
from models.base import db
from models.storage import StorageUnavailable
from service.database import backup, backup_holders, backup_restore, schema, schema_check
from service.process.not_ready import NotReady
from service.services import services

UNDER_WAY = "upgrade_under_way"
"""Fact of the installation: an upgrade of MySQL has begun and not ended."""


def run(work: Callable[[], object], own: set[int]) -> None:
    """Run migrations by ``work``; the caller lets nobody else do so meanwhile.

    Raises:
        NotReady: it was refused or failed; the sentence says what the database is now and how to go on.
    """
    before = schema.revision()
    known = schema.known_revisions()
    if before is None or before == known[-1]:
        work()
        return
    refuse_unknown(before)
    if services().storage.is_sqlite:
        _upgrade_sqlite(work, before)
    else:
        _upgrade_mysql(work, before, own)
    tell(f"the database has schema {schema.revision()} now; it was checked")


def refuse_unknown(revision: str) -> None:
    """Refuse a database that this version cannot work on.

    Raises:
        NotReady: the sentence names its schema and the newest that is known here.
    """
    refuse_unfinished(revision)
    known = schema.known_revisions()
    if revision not in known:
        raise NotReady(
            f"the database has schema {revision}, and this version of Smart Route knows schemas up to {known[-1]}: a "
            "newer version has upgraded it, and there is no way back. Start that version, or restore a backup that "
            f"is older (docs/backup.md); those made before upgrades are in {backup.backup_folder()}."
        )


def refuse_unfinished(revision: str | None) -> None:
    """Refuse a database that holds a part of its rows alone.

    Raises:
        NotReady: the sentence says what to repeat.
    """
    if revision == whole_database.RESTORING:
        raise NotReady(
            "a restore of this database was interrupted: run `flask restore FILE` again. The tables that it had "
            f"before are in the newest file in {backup.backup_folder()} whose name says before-restore."
        )
    if revision == table_copy.UNFINISHED:
        raise NotReady(
            "a move into this database was not finished: repeat `flask db move` in the environment of the database "
            "that it comes from, which is as it was"
        )


@contextmanager
def verified(connection: Any) -> Iterator[None]:
    """Hold the database after the block against the one before; migrations/env.py runs them inside.

    Raises:
        verification.Unsound: the text says in what they differ.
    """
    if whole_database.revision(connection) in (None, schema.known_revisions()[-1]):
        yield  # made from nothing, or nothing to do
        return
    is_sqlite = connection.dialect.name == "sqlite"
    tables = whole_database.table_names(connection)
    before = whole_database.row_counts(connection, tables)
    yield
    if whole_database.revision(connection) != schema.known_revisions()[-1]:
        return  # an operator asked for an earlier one
    schema_check.check_schema(connection)
    held = tables if is_sqlite else [name for name in verification.NEVER_FEWER if name in tables]
    verification.check_rows(before, whole_database.row_counts(connection, held), held, exactly=False)
    verification.check_running_numbers(connection)


def _upgrade_sqlite(work: Callable[[], object], before: str) -> None:
    kept = _backup(before)
    try:
        work()
    except Exception as error:
        raise NotReady(
            f"the database could not be upgraded from schema {before}: {_in_short(error)}. Nothing was changed, it has "
            f"schema {before} as before: the version that you came from starts on it. {_where(kept)}"
        ) from error


def _upgrade_mysql(work: Callable[[], object], before: str, own: set[int]) -> None:
    kept = _begin(before)
    try:
        work()
    except Exception as error:
        users = backup_holders.holders(own)
        failure = f"the database could not be upgraded from schema {before}: {_in_short(error)}"
        if kept is None or users:
            serving = (
                f"{users[0]} still uses it, so that the backup was not put back" if users else "nothing to put back"
            )
            raise NotReady(
                f"{failure}. It is left half-way ({serving}). The version that you came from goes on serving from "
                "it. Mend the cause and start this version again: it goes on where it stopped. Or go back: stop all "
                f"gateways and run `flask restore` of the backup with the old version. {_where(kept)}"
            ) from error
        raise NotReady(
            f"{failure}. {backup_restore.put_back(kept, 'The version that you came from starts on it.')}"
        ) from error
    with db.engine.execution_options(writes=True).begin() as connection:
        whole_database.forget(connection, UNDER_WAY)


def _begin(before: str) -> Path | None:
    """Make the backup and write down that an upgrade is under way; one that is already keeps its backup."""
    with db.engine.connect() as connection:
        noted = whole_database.remembered(connection, UNDER_WAY)
    if noted is not None:
        told = json.loads(noted)
        kept = Path(told["backup"]) if told["backup"] else None
        tell(f"an upgrade from schema {told['from']} was interrupted: going on with it. {_where(kept)}")
        return kept if kept is not None and kept.exists() else None
    kept = _backup(before)
    note = json.dumps({"from": before, "backup": str(kept) if kept else None})
    with db.engine.execution_options(writes=True).begin() as connection:
        whole_database.remember(connection, UNDER_WAY, note)
    return kept


def _backup(before: str) -> Path | None:
    if not services().catalog.retention.backup_before_upgrade:
        tell("no backup is made before this upgrade: backup_before_upgrade is false")
        return None
    tell(f"the database has schema {before} and is upgraded to {schema.known_revisions()[-1]}; backing it up first")
    kept = backup.before(before, "upgrade", backup.SKIP)
    tell(f"the backup is {kept}")
    return kept


def _where(kept: Path | None) -> str:
    return "There is no backup." if kept is None else f"The backup from before is {kept}."


def _in_short(error: Exception) -> str:
    if isinstance(error, StorageUnavailable | verification.Unsound | NotReady):
        return (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {(str(getattr(error, 'orig', None) or error).splitlines() or [''])[0]}"


def tell(sentence: str) -> None:
    """Say something to whoever starts the service, on standard error."""
    print(f"smart-route: {sentence}", file=sys.stderr, flush=True)
