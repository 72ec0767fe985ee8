"""The declarative base, column types and the Flask-SQLAlchemy handle that every model shares."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase

# Constraint names are given here so that a migration can drop what an earlier one made, on both databases.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

MYSQL = ("mysql", "mariadb")
# MySQL's default collation ignores case and accents: two different ids or addresses would be one key.
_ON_MYSQL = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


class Base(DeclarativeBase):
    """Base of all models."""

    metadata = sa.MetaData(naming_convention=NAMING)


db = SQLAlchemy(model_class=Base)


@sa.event.listens_for(sa.Table, "before_create")
def _choose_mysqls_options(table: sa.Table, connection: sa.Connection, **_: object) -> None:
    # In the models themselves they would load MySQL's dialect in each worker on SQLite: 20 modules, nearly a megabyte.
    if table.metadata is Base.metadata and connection.dialect.name in MYSQL:
        table.dialect_kwargs.update(_ON_MYSQL)


class LongBlob(sa.LargeBinary):
    """Bytes of any length; MySQL's plain BLOB ends at 64 KB."""


@compiles(LongBlob, *MYSQL)
def _longblob(kind: LongBlob, compiler: object, **_: object) -> str:
    return "LONGBLOB"


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An instant with microseconds: aware UTC in Python, naive UTC in the database."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """Ask MySQL for microseconds; its plain DATETIME rounds to the second."""
        if dialect.name in MYSQL:
            from sqlalchemy.dialects import mysql  # see _choose_mysqls_options

            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """Write SQLite's text directly: the same as SQLAlchemy's, in a fifth of the time."""
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Read SQLite's text directly."""
        return _from_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware instant into naive UTC.

        Raises:
            ValueError: the instant has no time zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored: give it a time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn naive UTC into an aware instant."""
        return None if value is None else value.replace(tzinfo=UTC)


def _as_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is not UTC:
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored: give it a time zone")
        value = value.astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:26]


def _from_text(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


# SQLite numbers rows by itself only for a column declared exactly INTEGER.
BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")
# A greater number, which visitors may send, is an error in the drivers.
GREATEST_ID = 2**63 - 1


def utcnow() -> datetime:
    """Return the time of this machine's clock, aware, in UTC."""
    return datetime.now(UTC)
