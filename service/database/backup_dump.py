"""A backup of MySQL or MariaDB: the statements of the server's own dump between a head and a last line of ours.

The last line holds as JSON what the database says of itself, the rows of each table, and a digest of all
before it: a file that was cut or altered is found out before anything is restored. The table that names the
schema's revision comes last, so a restore that was interrupted leaves a database that no version takes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from msgspec.structs import asdict

from models.sqlite_file import BrokenFile, Facts
from service.database import backup_client
from service.database.backup_file import reading, writing

HEAD = (
    b"-- Smart Route backup of a MySQL or MariaDB database. It holds no key: tokens are read with SECRET_KEY alone.\n"
)
LAST_LINE = b"-- smart-route "
END_MARK = b"-- Dump completed"
VERSION_TABLE = "alembic_version"
_INSERT = re.compile(rb"INSERT INTO `((?:[^`]|``)+)` VALUES")
_CREATE = re.compile(rb"CREATE TABLE `((?:[^`]|``)+)`")
_TEXT = re.compile(rb"'(?:[^'\\]|\\.|'')*'", re.DOTALL)
# Whoever restores may not be, and may not act for, the user who made a trigger.
_DEFINER = re.compile(rb"/\*!5\d{4} DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*`\*/ ?")
# Earlier backups have them. Nobody else is there during a restore, and a user may lack the right to lock.
_LOCK = re.compile(rb"(?:LOCK TABLES `(?:[^`]|``)+` WRITE|UNLOCK TABLES);\s*")
_TRIGGER = re.compile(rb"/\*!5\d{4} (?:CREATE\*/ /\*!5\d{4} )?(?:CREATE )?TRIGGER ")


def write(url: Any, path: Path, revision: str, key_fingerprint: str | None, *, packed: bool) -> Facts:
    """Write the database as it is at this moment to ``path``; return what the file says of it.

    Raises:
        NotReady: the dump failed.
        BrokenFile: it is not whole.
        OSError: the disk is full, or may not be written.
    """
    digest = hashlib.sha256()
    counted = _Rows()
    has_ended = False
    with writing(path, packed=packed) as file:

        def put(line: bytes) -> None:
            digest.update(line)
            file.write(line)

        put(HEAD)
        with backup_client.dumping(url, ignored=[VERSION_TABLE]) as lines:
            for line in lines:
                if line.startswith(b"/*!50003 CREATE"):
                    line = _DEFINER.sub(b"", line)
                counted.see(line)
                has_ended = has_ended or line.startswith(END_MARK)
                put(line)
        if not has_ended:
            raise BrokenFile("the dump has no end mark")
        for line in _version_table(revision):
            put(line)
        facts = Facts(revision, key_fingerprint, counted.rows)
        last = {**asdict(facts), "sha256": digest.hexdigest()}
        file.write(LAST_LINE + json.dumps(last).encode() + b"\n")
    return facts


def is_dump(path: Path) -> bool:
    """Tell whether a file begins as such a backup does."""
    try:
        with reading(path) as file:
            return file.read(len(HEAD)) == HEAD
    except (OSError, EOFError):
        return False


def check(path: Path) -> Facts:
    """Read a whole backup and return what it says of itself.

    Raises:
        BrokenFile: it is damaged, cut or no such backup.
    """
    digest = hashlib.sha256()
    last = b""
    counted = _Rows()
    try:
        with reading(path) as file:
            if file.readline(len(HEAD)) != HEAD:
                raise BrokenFile("it is no backup of Smart Route")
            digest.update(HEAD)
            for line in file:
                if last:
                    digest.update(last)
                    counted.see(last)
                last = line
    except (OSError, EOFError) as error:
        raise BrokenFile(str(error)) from error
    if not last.startswith(LAST_LINE):
        raise BrokenFile("its end is missing")
    try:
        told = json.loads(last.removeprefix(LAST_LINE))
        facts, expected = Facts(told["revision"], told["key_fingerprint"], told["rows"]), told["sha256"]
    except (ValueError, KeyError, TypeError):
        raise BrokenFile("its last line is damaged") from None
    if expected != digest.hexdigest() or facts.rows != counted.rows:
        raise BrokenFile("it was altered or damaged")
    return facts


def statements(path: Path) -> Iterator[bytes]:
    """Yield what is to be run to restore a backup, line by line; it locks no tables."""
    with reading(path) as file:
        for line in file:
            if not _LOCK.fullmatch(line):
                yield line


def has_triggers(path: Path) -> bool:
    """Tell whether restoring a backup makes triggers."""
    with reading(path) as file:
        return any(_TRIGGER.match(line) for line in file)


def _version_table(revision: str) -> Iterable[bytes]:
    yield f"DROP TABLE IF EXISTS `{VERSION_TABLE}`;\n".encode()
    yield f"CREATE TABLE `{VERSION_TABLE}` (`version_num` varchar(32) NOT NULL PRIMARY KEY);\n".encode()
    yield f"INSERT INTO `{VERSION_TABLE}` VALUES ('{revision}');\n".encode()  # noqa: S608  (a revision of ours)


class _Rows:
    """Counts rows by table while the lines of a dump pass: each is a pair of brackets outside of texts."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self._table: str | None = None

    def see(self, line: bytes) -> None:
        if self._table is None:
            if line.startswith(b"CREATE TABLE"):
                self._named(_CREATE.match(line))
                return
            begun = _INSERT.match(line)
            if begun is None:
                return
            self._table = self._named(begun)
            line = line[begun.end() :]
            if self._table == VERSION_TABLE:
                self._table = None
                return
        bare = _TEXT.sub(b"", line)
        assert self._table is not None  # noqa: S101
        self.rows[self._table] += bare.count(b"(")
        if bare.rstrip().endswith(b";"):
            self._table = None

    def _named(self, found: re.Match[bytes] | None) -> str | None:
        if found is None:
            return None
        table = found[1].replace(b"``", b"`").decode()
        if table != VERSION_TABLE:
            self.rows.setdefault(table, 0)
        return table


def write_lines(file: IO[bytes], pieces: Iterable[bytes]) -> None:
    """Hand statements to a client."""
    for piece in pieces:
        file.write(piece)
