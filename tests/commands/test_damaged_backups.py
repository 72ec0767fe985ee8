"""Backups that lost or changed some bytes on their way: found out as damaged, wherever the damage is."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from models.sqlite_file import BrokenFile
from service.database import backup_dump, backup_restore
from service.database.backup_file import copy

BODY = b"CREATE TABLE `accounts` (\nINSERT INTO `accounts` VALUES\n(1,'a@example.org'),\n(2,'it''s (me)');\n"


def dump() -> bytes:
    """A backup of MariaDB with one table of two rows."""
    text = backup_dump.HEAD + BODY
    last = {"revision": "0009", "key_fingerprint": "f", "rows": {"accounts": 2}}
    last["sha256"] = hashlib.sha256(text).hexdigest()
    return text + backup_dump.LAST_LINE + json.dumps(last).encode() + b"\n"


def flipped(whole: bytes, place: int) -> bytes:
    """The same with one bit changed."""
    return whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_dump_with_any_byte_altered_is_broken_or_still_tells_the_same_rows(tmp_path: Path, pack: type[bytes]) -> None:
    file = tmp_path / "dump"
    whole = pack(dump())
    file.write_bytes(whole)
    assert backup_dump.check(file).rows == {"accounts": 2}
    found = 0
    for place in range(len(whole)):
        file.write_bytes(flipped(whole, place))
        try:
            assert backup_dump.check(file).rows == {"accounts": 2}  # flags and time of packing, or what names the key
        except BrokenFile:
            found += 1
    assert found > len(whole) * 0.9


def test_packed_file_with_any_byte_altered_is_read_as_it_was_or_refused(tmp_path: Path) -> None:
    packed, target = tmp_path / "packed", tmp_path / "target"
    whole = gzip.compress(b"SQLite format 3\0" + bytes(range(256)))
    for place in range(2, len(whole)):
        packed.write_bytes(flipped(whole, place))
        try:
            copy(packed, target, packed=False)
        except (OSError, EOFError):
            continue
        assert target.read_bytes() == b"SQLite format 3\0" + bytes(range(256))


def test_packed_file_of_which_hardly_anything_is_left_has_a_size(tmp_path: Path) -> None:
    stub = tmp_path / "stub"
    for length in range(20):
        stub.write_bytes(gzip.compress(b"")[:length])
        assert backup_restore.unpacked_size(stub) >= length


def test_locks_of_earlier_dumps_are_left_out_and_nothing_else(tmp_path: Path) -> None:
    rows = b"INSERT INTO `accounts` VALUES\n(1,'LOCK TABLES `accounts` WRITE;\\nUNLOCK TABLES;');\n"
    file = tmp_path / "dump"
    file.write_bytes(b"LOCK TABLES `accounts` WRITE;\n" + rows + b"UNLOCK TABLES;\n")
    assert b"".join(backup_dump.statements(file)) == rows
