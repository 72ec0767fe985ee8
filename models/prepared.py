"""Statements of the request's path, compiled once instead of looked up at every call.

SQLAlchemy's own cache still pays for finding a statement and for preparing its parameters and results; on
SQLite, where the driver is called directly, that is several times what the statement itself costs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

Statement = sa.Select[*tuple[Any, ...]] | sa.UpdateBase
Processor = Callable[[Any], Any] | None


class Done(Protocol):
    """What an executed statement tells."""

    @property
    def rowcount(self) -> int:
        """How many rows it matched."""

    @property
    def lastrowid(self) -> Any:
        """The id of the row that it inserted."""


class Prepared:
    """A Core statement, and its text in each dialect that it was run in.

    Every parameter is a plain ``bindparam``; lists (``IN``) would change the text with the values.
    """

    def __init__(self, statement: Statement, columns: Sequence[str] | None = None) -> None:
        """Keep the statement; an insert names its columns."""
        self._statement = statement
        self._columns = columns
        self._texts: dict[str, _Text] = {}

    def run(self, connection: sa.Connection, values: Mapping[str, Any]) -> Done:
        """Execute with a value for each named parameter.

        Raises:
            KeyError: a value is missing.
        """
        return self._in(connection.dialect).run(connection, values)

    def first(self, connection: sa.Connection, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Execute a select and return its first row, or None."""
        text = self._in(connection.dialect)
        row = text.first(connection, values)
        return None if row is None else text.in_python(row)

    def sent(self, dialect: Dialect, values: Mapping[str, Any]) -> tuple[str, Any]:
        """Return the text and the parameters that the database gets, to be explained by it."""
        return self._in(dialect).sent(values)

    def _in(self, dialect: Dialect) -> _Text:
        text = self._texts.get(dialect.name)
        if text is None:
            text = self._texts[dialect.name] = _Text(self._statement, self._columns, dialect)
        return text


class _Text:
    """One statement in one dialect, with what its values pass through on their way in and out."""

    def __init__(self, statement: Statement, columns: Sequence[str] | None, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect, column_keys=columns)
        self._sql = str(compiled)
        self._is_positional: bool = compiled.positional
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        order = compiled.positiontup if compiled.positional else binds
        into = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in binds.items()}
        # A literal of the statement (``status == OPEN``) is a parameter too, with a value that never changes.
        self._fixed: dict[str, Any] = {
            name: bind.value if into[name] is None else into[name](bind.value)
            for name, bind in binds.items()
            if not bind.required
        }
        self._into: list[tuple[str, Processor]] = [
            (name, None if name in self._fixed else into[name]) for name in order
        ]
        self._names = [name for name, _ in self._into]
        self._is_sqlite = dialect.name == "sqlite"
        selected = statement.selected_columns if isinstance(statement, sa.Select) else ()
        self._out: list[Processor] = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in selected
        ]

    def run(self, connection: sa.Connection, values: Mapping[str, Any]) -> Done:
        if self._is_sqlite:
            return self._on_driver(connection, values)
        return connection.exec_driver_sql(self._sql, self._given(values))

    def first(self, connection: sa.Connection, values: Mapping[str, Any]) -> Sequence[Any] | None:
        if self._is_sqlite:
            row: Sequence[Any] | None = self._on_driver(connection, values).fetchone()
            return row
        return connection.exec_driver_sql(self._sql, self._given(values)).first()

    def sent(self, values: Mapping[str, Any]) -> tuple[str, Any]:
        return self._sql, self._given(values)

    def _on_driver(self, connection: sa.Connection, values: Mapping[str, Any]) -> sqlite3.Cursor:
        driver: Any = connection.connection.driver_connection
        if not driver.in_transaction:
            connection.begin()  # a session's connection, which begins with its first statement
        cursor: sqlite3.Cursor = driver.execute(self._sql, self._given(values))
        return cursor

    def _given(self, values: Mapping[str, Any]) -> Any:
        values = {**values, **self._fixed}
        given = [values[name] if process is None else process(values[name]) for name, process in self._into]
        return tuple(given) if self._is_positional else dict(zip(self._names, given, strict=True))

    def in_python(self, row: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(
            [value if process is None else process(value) for value, process in zip(row, self._out, strict=True)]
        )
