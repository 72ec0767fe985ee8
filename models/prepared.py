"""Statements of the request's path, compiled once instead of looked up at every call.

SQLAlchemy's own cache still pays for finding a statement and for preparing its parameters and results; where
the driver is called directly, that is several times what the statement itself costs.

They belong into the transactions of ``Storage``. Outside of one, each is a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from .mysql_transactions import BEGINS

Statement = sa.Select[*tuple[Any, ...]] | sa.UpdateBase
Processor = Callable[[Any], Any] | None
Values = Mapping[str, Any]
Row = tuple[Any, ...]


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

    def run(self, connection: sa.Connection, values: Values, *, is_last: bool = False) -> Done:
        """Execute with a value for each named parameter; the last of its transaction may be committed with it.

        Raises:
            KeyError: a value is missing.
        """
        text = self.text(connection.dialect)
        if text.is_sqlite:
            done: Done = _on_sqlite(connection, text, values)
            return done
        return _on_mysql(connection, [text], values, is_last=is_last)[-1]

    def first(self, connection: sa.Connection, values: Values) -> Row | None:
        """Execute a select and return its first row, or None."""
        text = self.text(connection.dialect)
        if text.is_sqlite:
            row = _on_sqlite(connection, text, values).fetchone()
        else:
            row = _on_mysql(connection, [text], values)[-1].row
        return None if row is None else text.in_python(row)

    def sent(self, dialect: Dialect, values: Values) -> tuple[str, tuple[Any, ...]]:
        """Return the text and the parameters that the database gets, to be explained by it."""
        text = self.text(dialect)
        return text.sql, tuple(text.given(values))

    def text(self, dialect: Dialect) -> _Text:
        """Return the statement in a dialect."""
        text = self._texts.get(dialect.name)
        if text is None:
            text = self._texts[dialect.name] = _Text(self._statement, self._columns, dialect)
        return text


def firsts(connection: sa.Connection, statements: Sequence[Prepared], values: Values) -> list[Row | None]:
    """Execute selects one after the other, in one message where the database takes it; return each one's first row."""
    texts = [each.text(connection.dialect) for each in statements]
    if texts[0].is_sqlite:
        rows = [_on_sqlite(connection, text, values).fetchone() for text in texts]
    else:
        rows = [each.row for each in _on_mysql(connection, texts, values)]
    return [None if row is None else text.in_python(row) for row, text in zip(rows, texts, strict=True)]


class _Text:
    """One statement in one dialect, with what its values pass through on their way in and out."""

    def __init__(self, statement: Statement, columns: Sequence[str] | None, dialect: Dialect) -> None:
        # By place, not by name: statements in one message may give the same name to different values.
        dialects: Callable[..., Dialect] = type(dialect)
        by_place = dialect if dialect.positional else dialects(paramstyle="format")
        compiled: Any = statement.compile(dialect=by_place, column_keys=columns)
        self.sql = str(compiled)
        self.is_sqlite = dialect.name == "sqlite"
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        into = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in binds.items()}
        # A literal of the statement (``status == OPEN``) is a parameter too, with a value that never changes.
        self._all: list[Any] = []
        self._wanted: list[tuple[int, str, Processor]] = []
        for place, name in enumerate(compiled.positiontup):
            bind, process = binds[name], into[name]
            if bind.required:
                self._wanted.append((place, name, process))
                self._all.append(None)
            else:
                self._all.append(bind.value if process is None else process(bind.value))
        selected = statement.selected_columns if isinstance(statement, sa.Select) else ()
        out = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in selected]
        self._out = [(place, process) for place, process in enumerate(out) if process is not None]

    def given(self, values: Values) -> list[Any]:
        given = self._all.copy()
        for place, name, process in self._wanted:
            value = values[name]
            given[place] = value if process is None else process(value)
        return given

    def in_python(self, row: Sequence[Any]) -> Row:
        if not self._out:
            return tuple(row)
        values = list(row)
        for place, process in self._out:
            values[place] = process(values[place])
        return tuple(values)


class _Answer:
    """What MySQL answered to one statement."""

    __slots__ = ("lastrowid", "row", "rowcount")

    def __init__(self, cursor: Any) -> None:
        self.rowcount: int = cursor.rowcount
        self.lastrowid: int = cursor.lastrowid
        self.row: Row | None = cursor.fetchone()


def _on_sqlite(connection: sa.Connection, text: _Text, values: Values) -> Any:
    driver: Any = connection.connection.driver_connection
    return driver.execute(text.sql, text.given(values))


def _on_mysql(
    connection: sa.Connection, texts: Sequence[_Text], values: Values, *, is_last: bool = False
) -> list[_Answer]:
    driver: Any = connection.connection.driver_connection
    message = [text.sql for text in texts]
    given = [value for text in texts for value in text.given(values)]
    begins = driver.get_autocommit() and connection.info.pop(BEGINS, False)
    if begins:
        message.insert(0, "BEGIN")
    # A statement that fails ends the message: what follows it is not executed.
    if is_last and driver.get_autocommit() and not connection.in_transaction():
        message.append("COMMIT")
    cursor = driver.cursor()
    cursor.execute("; ".join(message), given)
    answers = [_Answer(cursor)]
    while cursor.nextset():
        answers.append(_Answer(cursor))
    return answers[begins : begins + len(texts)]
