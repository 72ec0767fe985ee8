"""The database as a whole: its revision, its tables, how large it is, who else uses it. For backups and upgrades."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from .installation import KEY_FINGERPRINT, InstallationFact

VERSION_TABLE = "alembic_version"
RESTORING = "restoring"
"""In place of a revision: a restore has begun and not ended."""
_VERSIONS = sa.table(VERSION_TABLE, sa.column("version_num", sa.String(32)))


def table_names(connection: sa.Connection) -> list[str]:
    """Return all tables but the one with the revision."""
    return sorted(set(sa.inspect(connection).get_table_names()) - {VERSION_TABLE})


def revision(connection: sa.Connection) -> str | None:
    """Return the revision of the schema; None where there is none."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.scalar(sa.select(_VERSIONS.c.version_num))


def key_fingerprint(connection: sa.Connection) -> str | None:
    """Return the fingerprint of the key that the database was first used with; None before that."""
    if not sa.inspect(connection).has_table(InstallationFact.__tablename__):
        return None
    return connection.scalar(sa.select(InstallationFact.value).where(InstallationFact.name == KEY_FINGERPRINT))


def row_counts(connection: sa.Connection, tables: list[str]) -> dict[str, int]:
    """Count the rows of tables, one by one: a second or so at five million rows."""
    return {
        name: connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one() for name in tables
    }


def data_bytes(connection: sa.Connection) -> int:
    """Return about how many bytes the rows of a MySQL database take; its dump takes no more."""
    known = "SELECT COALESCE(SUM(data_length), 0) FROM information_schema.tables WHERE table_schema = DATABASE()"
    return int(connection.exec_driver_sql(known).scalar_one())


def other_connections(connection: sa.Connection, own: set[int]) -> list[str]:
    """Return who else is connected to this MySQL database, as ``user@host``; ``own`` are connections of ours.

    A user who may not see the others' sees those of its own name, and so every gateway.
    """
    listed = "SELECT id, user, host FROM information_schema.processlist WHERE db = DATABASE()"
    rows = connection.exec_driver_sql(listed).all()
    return [f"{user}@{host}" for number, user, host in rows if number not in own]


def connection_number(connection: sa.Connection) -> int:
    """Return by which number a MySQL server knows this connection."""
    return int(connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one())


def empty(connection: sa.Connection) -> None:
    """Drop every table of a MySQL database and leave the sign that a restore is under way."""
    set_revision(connection, RESTORING)
    names = table_names(connection)
    connection.exec_driver_sql("SET SESSION foreign_key_checks = 0")
    quote = connection.dialect.identifier_preparer.quote
    for name in names:
        connection.exec_driver_sql(f"DROP TABLE {quote(name)}")
    connection.exec_driver_sql("SET SESSION foreign_key_checks = 1")


def set_revision(connection: sa.Connection, number: str) -> None:
    """Write the revision, making its table where it is missing."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        columns = "version_num varchar(32) NOT NULL PRIMARY KEY"
        connection.exec_driver_sql(f"CREATE TABLE {VERSION_TABLE} ({columns})")
    connection.execute(sa.delete(_VERSIONS))
    connection.execute(sa.insert(_VERSIONS).values(version_num=number))
    connection.commit()


def remember(connection: sa.Connection, name: str, value: str) -> None:
    """Set a fact of the installation."""
    forget(connection, name)
    connection.execute(sa.insert(InstallationFact).values(name=name, value=value))


def remembered(connection: sa.Connection, name: str) -> str | None:
    """Return a fact of the installation; None where it is not known, or no such table is there."""
    if not sa.inspect(connection).has_table(InstallationFact.__tablename__):
        return None
    return connection.scalar(sa.select(InstallationFact.value).where(InstallationFact.name == name))


def forget(connection: sa.Connection, name: str) -> None:
    """Remove a fact of the installation."""
    connection.execute(sa.delete(InstallationFact).where(InstallationFact.name == name))


def lock(connection: sa.Connection, name: str, wait_s: int) -> bool:
    """Take a named lock of the MySQL server for this connection; false where another kept it for so long."""
    taken: Any = connection.exec_driver_sql("SELECT GET_LOCK(%s, %s)", (name, wait_s)).scalar()
    return bool(taken)


def unlock(connection: sa.Connection, name: str) -> None:
    """Give a named lock back."""
    connection.exec_driver_sql("SELECT RELEASE_LOCK(%s)", (name,))
