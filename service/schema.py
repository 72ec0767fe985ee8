"""The database's schema as commands see it: which revision it has, and bringing it to one."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import flask_migrate
from alembic.runtime.migration import MigrationContext
from flask import current_app
from sqlalchemy.exc import DBAPIError

from models.base import db
from models.storage import StorageUnavailable
from service.services import services

MIGRATING_WAIT_S = 120
_LOCK_NAME = "smart-route migrating"


def attach_migrations() -> None:
    """Give the current application its migrations; workers never need them, and they are large."""
    if "migrate" not in current_app.extensions:
        directory = services().settings.root / "migrations"
        flask_migrate.Migrate(current_app._get_current_object(), db, directory=str(directory), compare_type=True)  # type: ignore[attr-defined]


def make_if_missing() -> None:
    """Make the tables if there are none yet: a script may make accounts before the service was ever started.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    if revision() is None:
        change(flask_migrate.upgrade)


def change(work: Callable[[], object]) -> tuple[str | None, str | None]:
    """Run a migration while nobody else runs one; return the revisions before and after.

    Raises:
        StorageUnavailable: the database cannot be reached or refuses.
    """
    attach_migrations()
    try:
        with one_at_a_time():
            before = revision()
            work()
            _keep_from_others()
            return before, revision()
    except DBAPIError as error:
        raise StorageUnavailable(str(error)) from error


def _keep_from_others() -> None:
    """Let nobody else on this machine read a SQLite file: it holds addresses and hashes of passwords."""
    path = db.engine.url.database
    if services().storage.is_sqlite and path:
        Path(path).chmod(0o600)


def revision() -> str | None:
    """Return the revision of the schema; None for a database without tables.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    try:
        with db.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:
        raise StorageUnavailable(str(error)) from error


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let one process migrate at a time: by a lock file for SQLite, by a named lock on MySQL.

    Raises:
        StorageUnavailable: another process did not finish in time.
    """
    if services().storage.is_sqlite:
        path = Path(db.engine.url.database or "")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(path.name + ".migrating").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    with db.engine.connect() as connection:
        taken = connection.exec_driver_sql("SELECT GET_LOCK(%s, %s)", (_LOCK_NAME, MIGRATING_WAIT_S))
        if not taken.scalar():
            raise StorageUnavailable("another process has been migrating the database for too long")
        try:
            yield
        finally:
            connection.exec_driver_sql("SELECT RELEASE_LOCK(%s)", (_LOCK_NAME,))
