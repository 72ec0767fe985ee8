"""Whole databases, read and written table by table, whatever tables there are: for moving from one to another.

Tables come from the metadata of the models, in an order in which references find what they refer to. Rows are read
in portions along the primary key, bounded in number and in bytes, so that memory does not grow with the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from . import all_tables  # noqa: F401  (the metadata knows every table)
from .base import Base
from .usage_log import UsageLog

PORTION_ROWS = 2_000
PORTION_BYTES = 8_000_000
LONG = 4_096  # a column that may hold more than this is measured before it is read
WAIT_FOR_WRITERS_MS = 10_000
STRICT = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION"
UNFINISHED = "unfinished-move"  # stands where the revision does while a database is being filled

Row = tuple[Any, ...]

_version = sa.table("alembic_version", sa.column("version_num", sa.String))


def all_of_the_house() -> list[sa.Table]:
    """Return every table of the models, each behind those that it refers to."""
    return Base.metadata.sorted_tables


def names(engine: sa.Engine) -> set[str]:
    """Return the names of the tables that a database has."""
    return set(sa.inspect(engine).get_table_names())


@contextmanager
def standing_still(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Read a database that does not change meanwhile, and do not change it.

    A SQLite file is locked for writers; on MySQL it is one snapshot.
    """
    if engine.dialect.name != "sqlite":
        with engine.execution_options(isolation_level="REPEATABLE READ").connect() as connection:
            yield connection
        return
    with engine.execution_options(writes=True).connect() as connection:
        _wait_for_writers(connection)
        try:
            connection.begin()
            yield connection
        finally:
            connection.rollback()


@contextmanager
def filling(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Write to a database that holds values to the letter: what does not fit is an error, and 0 is an id."""
    with engine.execution_options(writes=True).connect() as connection:
        if engine.dialect.name == "sqlite":
            _wait_for_writers(connection)
        else:
            connection.exec_driver_sql(f"SET SESSION sql_mode = '{STRICT}'")
        connection.rollback()
        yield connection


def _wait_for_writers(connection: sa.Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.execute(f"PRAGMA busy_timeout = {WAIT_FOR_WRITERS_MS}")


def portions(connection: sa.Connection, table: sa.Table) -> Iterator[list[Row]]:
    """Read all rows of a table, in the order of its primary key."""
    key = list(table.primary_key.columns)
    places = [list(table.columns).index(column) for column in key]
    after: Row | None = None
    while True:
        count = _count_that_fits(connection, table, key, after)
        found = sa.select(table).where(_beyond(key, after)).order_by(*key).limit(count)
        rows = [tuple(row) for row in connection.execute(found)]
        if not rows:
            return
        yield rows
        after = tuple(rows[-1][place] for place in places)


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Write rows as ``portions`` gave them, in one transaction."""
    columns = [column.key for column in table.columns]
    connection.execute(sa.insert(table), [dict(zip(columns, row, strict=True)) for row in rows])
    connection.commit()


def first_with_rows(connection: sa.Connection) -> str | None:
    """Return the name of a table of the house that is not empty; None where all that are there are."""
    present = set(sa.inspect(connection).get_table_names())
    for table in all_of_the_house():
        if (
            table.name in present
            and connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None
        ):
            return table.name
    return None


def mark(connection: sa.Connection, revision: str) -> None:
    """Write ``revision`` where the migrations look for it."""
    connection.execute(sa.update(_version).values(version_num=revision))
    connection.commit()


def drop_all(engine: sa.Engine) -> None:
    """Drop every table of a database; the mark of the unfinished last, so that the next try knows what it finds."""
    found = sa.MetaData()
    found.reflect(engine)
    with engine.execution_options(writes=True).begin() as connection:
        found.drop_all(connection, tables=[table for table in found.sorted_tables if table.name != _version.name])
        found.drop_all(connection)


def quota_numbers(connection: sa.Connection) -> list[Row]:
    """Return for each account how many rows it has, how many count, and the running numbers of its newest one."""
    tally = (
        sa.select(
            UsageLog.account_id,
            sa.func.count().label("requests"),
            sa.func.sum(sa.cast(UsageLog.counted, sa.Integer)).label("counted"),
            sa.func.max(UsageLog.seq).label("newest"),
        )
        .group_by(UsageLog.account_id)
        .subquery()
    )
    newest = sa.and_(UsageLog.account_id == tally.c.account_id, UsageLog.seq == tally.c.newest)
    wanted = sa.select(
        tally.c.account_id,
        tally.c.requests,
        sa.cast(tally.c.counted, sa.Integer),
        tally.c.newest,
        UsageLog.day_start,
        UsageLog.month_start,
        UsageLog.day_prompts,
        UsageLog.month_prompts,
    ).join(UsageLog, newest)
    return [tuple(row) for row in connection.execute(wanted.order_by(tally.c.account_id))]


def _count_that_fits(connection: sa.Connection, table: sa.Table, key: list[sa.Column[Any]], after: Row | None) -> int:
    """Return how many of the next rows make a portion; one at least, however large it is."""
    long = [column for column in table.columns if _may_be_long(column)]
    if not long:
        return PORTION_ROWS
    size = sum((sa.func.coalesce(sa.func.length(column), 0) for column in long), sa.literal(0))
    sizes = connection.scalars(sa.select(size).where(_beyond(key, after)).order_by(*key).limit(PORTION_ROWS))
    total = 0
    for count, more in enumerate(sizes):
        total += more
        if total > PORTION_BYTES:
            return max(count, 1)
    return PORTION_ROWS


def _may_be_long(column: sa.Column[Any]) -> bool:
    if not isinstance(column.type, sa.String | sa.LargeBinary | sa.JSON):
        return False
    return (getattr(column.type, "length", None) or LONG + 1) > LONG


def _beyond(key: list[sa.Column[Any]], after: Row | None) -> sa.ColumnElement[bool]:
    """Return the condition for what follows a key; written so that both databases use the key's index."""
    if after is None:
        return sa.true()
    condition: sa.ColumnElement[bool] = key[-1] > after[-1]
    for column, value in zip(reversed(key[:-1]), reversed(after[:-1]), strict=True):
        condition = sa.and_(column >= value, sa.or_(column > value, condition))
    return condition
