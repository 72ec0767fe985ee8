"""Moving everything from one database to another and checking that it arrived: ``flask db move``.

While the target is filled, ``table_copy.UNFINISHED`` stands where its revision belongs: the service does not start
on it, and a further move empties it and begins anew. The source is only read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import flask_migrate
import orjson
from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError

from models import table_copy
from models.storage import Storage
from service.database import schema, upgrade
from service.process.not_ready import NotReady
from service.process.running_workers import running_workers

TELL_EVERY = 100_000  # rows


class MovedTable(Struct, frozen=True):
    """One table that arrived: its rows, and a checksum of what stands in them, the same on both databases."""

    name: str
    rows: int
    checksum: str


class _Sum:
    """Count and checksum of rows; their order does not matter."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, rows: Iterable[table_copy.Row]) -> None:
        for row in rows:
            digest = hashlib.blake2b(orjson.dumps(row, default=_as_text), digest_size=16).digest()
            self._sum += int.from_bytes(digest, "big")
            self.rows += 1

    @property
    def checksum(self) -> str:
        return f"{self._sum % 2**128:032x}"


def check_source(storage: Storage) -> str:
    """Return the revision of a database that can be moved; call in its application.

    Raises:
        NotReady: it cannot; the text says why and what helps.
        StorageUnavailable: it cannot be read.
    """
    revision = schema.revision()
    if revision is None:
        raise NotReady("this database has no tables yet: there is nothing to move")
    if revision == table_copy.UNFINISHED:
        raise NotReady("a move into this database was not finished: move from the database that it came from")
    upgrade.refuse_unfinished(revision)
    newest = schema.known_revisions()[-1]
    if revision != newest:
        raise NotReady(
            f"this database has schema {revision}, and this version works with {newest}: run flask db upgrade first"
        )
    _check_stopped(storage)
    return revision


def prepare_target(storage: Storage, revision: str) -> None:
    """Give a database empty tables of a revision, and mark it as unfinished; call in its application.

    Raises:
        NotReady: it holds something, or another version's tables.
        StorageUnavailable: it cannot be written.
    """
    known = schema.revision()
    present = table_copy.names(storage.engine)
    if known == table_copy.UNFINISHED or (known is None and _is_barely_begun(storage, present)):
        table_copy.drop_all(storage.engine)
    elif known is None and present - {"alembic_version"}:
        raise NotReady(f"the target has tables of something else ({', '.join(sorted(present)[:3])}): use an empty one")
    elif known not in (None, revision):
        raise NotReady(f"the target has tables of schema {known}: use an empty database")
    schema.change(flask_migrate.upgrade)
    with table_copy.filling(storage.engine) as connection:
        taken = table_copy.first_with_rows(connection)
        if taken is not None:
            raise NotReady(f"the target is not empty (there are rows in {taken}): use an empty database")
        connection.rollback()
        table_copy.mark(connection, table_copy.UNFINISHED)


def _is_barely_begun(storage: Storage, present: set[str]) -> bool:
    """Tell whether there are empty tables of ours alone: a move was killed while it made them."""
    if present - {"alembic_version"} - {table.name for table in table_copy.all_of_the_house()}:
        return False
    with storage.engine.connect() as connection:
        return table_copy.first_with_rows(connection) is None


def move(source: Storage, target: Storage, revision: str, tell: Callable[[str], None]) -> list[MovedTable]:
    """Copy everything into a prepared target, check it, and take the mark of the unfinished away.

    Raises:
        NotReady: it did not arrive whole, or the service was started meanwhile; the target stays marked.
    """
    table = ""
    try:
        with table_copy.standing_still(source.engine) as here, table_copy.filling(target.engine) as there:
            sums = {}
            for each in table_copy.all_of_the_house():
                table = each.name
                sums[table] = _copy(here, there, each, tell)
            moved = []
            for each in table_copy.all_of_the_house():
                table = each.name
                moved.append(_verified(there, each, sums[table]))
            if table_copy.quota_numbers(here) != table_copy.quota_numbers(there):
                raise NotReady(f"the quota numbers differ after the move. {_AGAIN}")
            _check_stopped(source)
            there.rollback()
            table_copy.mark(there, revision)
    except SQLAlchemyError as error:
        told = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise NotReady(f"the move stopped at the table {table}: {told}. {_AGAIN}") from error
    return moved


def left_behind(source: Storage) -> list[str]:
    """Return the tables of the source that are none of this version's, and are not moved."""
    ours = {table.name for table in table_copy.all_of_the_house()}
    return sorted(table_copy.names(source.engine) - ours - {"alembic_version"})


_AGAIN = (
    "Nothing was changed in the database that the service uses. The target is marked as unfinished: "
    "the same command empties it and begins anew"
)


def _check_stopped(storage: Storage) -> None:
    living = running_workers(storage)
    if living:
        raise NotReady(f"the service still runs on this database ({', '.join(living[:3])}): stop it first")


def _copy(here: Any, there: Any, table: Any, tell: Callable[[str], None]) -> _Sum:
    done = _Sum()
    for rows in table_copy.portions(here, table):
        table_copy.insert(there, table, rows)
        before = done.rows
        done.add(rows)
        if done.rows // TELL_EVERY > before // TELL_EVERY:
            tell(f"{table.name}: {done.rows:,} rows so far")
    return done


def _verified(there: Any, table: Any, expected: _Sum) -> MovedTable:
    found = _Sum()
    for rows in table_copy.portions(there, table):
        found.add(rows)
    if (found.rows, found.checksum) != (expected.rows, expected.checksum):
        raise NotReady(
            f"the table {table.name} did not arrive as it was: {expected.rows} rows left, {found.rows} arrived"
            f"{'' if found.rows != expected.rows else ', and their contents differ'}. {_AGAIN}"
        )
    return MovedTable(table.name, found.rows, found.checksum)


def _as_text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else repr(value)


def is_same_database(source: str, target: str) -> bool:
    """Tell whether two DATABASE_URLs, as the settings have them, name one database."""
    return _place(source) == _place(target)


def _place(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
