"""What a start asks of a SQLite database that an earlier one has prepared, in milliseconds and without SQLAlchemy.

Whoever cannot be sure from it, prepares the database in full (``service.database.prepare``).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

SCHEME = "sqlite:///"
_KEY_FINGERPRINT = "SELECT value FROM installation_facts WHERE name = 'secret_key_fingerprint'"
_PLANS = "SELECT DISTINCT plan_slug FROM subscriptions WHERE live_account_id IS NOT NULL"
_OPERATOR = "SELECT EXISTS (SELECT 1 FROM accounts WHERE is_operator AND deleted_at IS NULL)"


class Glance(Struct, frozen=True):
    """What the database is."""

    revision: str
    key_fingerprint: str
    """Of the ``SECRET_KEY`` that it was first used with."""
    plans: frozenset[str]
    """Those that accounts hold."""
    has_operator: bool


def glance(database_url: str) -> Glance | None:
    """Look at a database; None for another kind, one that is not there, in use by a migration, or not as expected.

    Only its owner may read and write it, as a preparation leaves it.
    """
    path = Path(database_url.removeprefix(SCHEME))
    if not database_url.startswith(SCHEME) or not path.is_file() or path.stat().st_mode & 0o777 != 0o600:
        return None
    try:
        with _nobody_migrates(path), contextlib.closing(_connection(path)) as connection:

            def value(query: str) -> str:
                [(value,)] = connection.execute(query)
                return str(value)

            return Glance(
                revision=value("SELECT version_num FROM alembic_version"),
                key_fingerprint=value(_KEY_FINGERPRINT),
                plans=frozenset(slug for (slug,) in connection.execute(_PLANS)),
                has_operator=value(_OPERATOR) == "1",
            )
    except (sqlite3.Error, OSError, ValueError):
        return None


def newest_migration(folder: Path) -> str:
    """Return the revision that this version works with; migrations' files begin with theirs."""
    return max((path.name[:4] for path in folder.glob("[0-9]*.py")), default="")


def _connection(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=0)


@contextlib.contextmanager
def _nobody_migrates(path: Path) -> Iterator[None]:
    """Hold the lock that migrations and restores take (``service.database.schema``); OSError if another does."""
    lock = os.open(path.with_name(path.name + ".migrating"), os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)
