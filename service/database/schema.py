"""The database's schema as starts and commands see it: which revision it has, and bringing it to one."""

from __future__ import annotations

import fcntl
import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flask_migrate
from flask import current_app
from sqlalchemy.exc import DBAPIError

from models import whole_database
from models.base import db
from models.storage import StorageUnavailable
from service.database import schema_check
from service.process.not_ready import NotReady
from service.services import services

MIGRATING_WAIT_S = 3600
"""How long a start waits for another one that backs a large database up and migrates it."""
_ASK_EVERY_S = 5  # shorter than the connection's own read timeout
_LOCK_NAME = "smart-route migrating"


def attach_migrations() -> None:
    """Give the current application its migrations; workers never need them, and they are large."""
    if "migrate" in current_app.extensions:
        return
    migrate = flask_migrate.Migrate(
        current_app._get_current_object(),  # type: ignore[attr-defined]
        db,
        directory=str(_folder()),
        compare_type=True,
    )

    @migrate.configure  # type: ignore[untyped-decorator]
    def _verify(config: Any) -> Any:
        from service.database.upgrade import verified

        config.attributes["around"] = verified
        return config


def known_revisions() -> tuple[str, ...]:
    """Return the revisions that this version knows, oldest first; the last is its own."""
    return schema_check.known_revisions(_folder())


def make_if_missing() -> None:
    """Make the tables if there are none yet: a script may make accounts before the service was ever started.

    Raises:
        NotReady: the tables are those of an older version, and nobody asked for an upgrade; or a move or a restore
            of this database has begun and not ended.
        StorageUnavailable: the database cannot be reached.
    """
    from service.database.upgrade import refuse_unfinished

    found = revision()
    refuse_unfinished(found)
    if found is None:
        change(flask_migrate.upgrade)
    elif found in known_revisions()[:-1]:
        raise NotReady(
            f"the database has schema {found}, and this version works with {known_revisions()[-1]}: start the service, "
            "or run `flask db upgrade`; both make a backup first (docs/backup.md)."
        )


def change(work: Callable[[], object]) -> tuple[str | None, str | None]:
    """Run a migration while nobody else runs one, backed up and verified; return the revisions before and after.

    Raises:
        NotReady: it was refused or failed; the sentence says what the database is now. Of a database that was made
            with another ``SECRET_KEY`` nothing is touched.
        StorageUnavailable: the database cannot be reached or refuses.
    """
    from service.database import upgrade as database_upgrade

    attach_migrations()
    try:
        with one_at_a_time() as own:
            with db.engine.connect() as connection:
                refuse_other_key(whole_database.key_fingerprint(connection))
            before = revision()
            database_upgrade.run(work, own)
            _keep_from_others()
            return before, revision()
    except DBAPIError as error:
        raise StorageUnavailable(str(error)) from error


def refuse_other_key(known: str | None) -> None:
    """Hold the fingerprint that a database knows against this start's ``SECRET_KEY``; None: it knows none yet.

    Raises:
        NotReady: they differ.
    """
    if known not in (None, services().keyring.fingerprint):
        raise NotReady(
            "this database was made with another SECRET_KEY: its tokens could not be shown and nobody would be "
            "signed in. Start with the old key (SECRET_KEY, or the file instance/secret_key), or use another "
            "DATABASE_URL."
        )


def _keep_from_others() -> None:
    """Let nobody else on this machine read a SQLite file: it holds addresses and hashes of passwords."""
    path = db.engine.url.database
    if services().storage.is_sqlite and path:
        Path(path).chmod(0o600)


@contextmanager
def refusals_told() -> Iterator[None]:
    """Make an expected error of what the database refuses inside the block, such as a table that is not there.

    Raises:
        StorageUnavailable: it refused something.
    """
    try:
        yield
    except DBAPIError as error:
        raise StorageUnavailable(str(error)) from error


def revision() -> str | None:
    """Return the revision of the schema; None for a database without tables.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    try:
        with db.engine.connect() as connection:
            return whole_database.revision(connection)
    except DBAPIError as error:
        raise StorageUnavailable(str(error)) from error


@contextmanager
def one_at_a_time() -> Iterator[set[int]]:
    """Let one process migrate, or replace the database, at a time; the others wait.

    A lock file for SQLite; a named lock on MySQL, whose connection's number is given.

    Raises:
        StorageUnavailable: another process did not finish in time.
    """
    if services().storage.is_sqlite:
        path = Path(db.engine.url.database or "")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(path.name + ".migrating").open("w") as lock:
            _patiently(lambda pause: _flock(lock, pause))
            yield set()
        return
    # Locks belong to the server: two databases on it must not wait for each other.
    name = f"{_LOCK_NAME} {hashlib.sha256(str(db.engine.url.database).encode()).hexdigest()[:16]}"
    with db.engine.connect() as connection:
        _patiently(lambda pause: whole_database.lock(connection, name, pause))
        try:
            yield {whole_database.connection_number(connection)}
        finally:
            whole_database.unlock(connection, name)


def _patiently(take: Callable[[int], bool]) -> None:
    give_up_at = time.monotonic() + MIGRATING_WAIT_S
    if take(0):
        return
    print("smart-route: waiting for another process that is at the database", file=sys.stderr, flush=True)
    while not take(_ASK_EVERY_S):
        if time.monotonic() > give_up_at:
            raise StorageUnavailable("another process has been at the database for too long")


def _flock(lock: Any, pause: int) -> bool:
    until = time.monotonic() + pause
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.05)


def _folder() -> Path:
    return services().settings.root / "migrations"
