"""When SQLite's write-ahead log is moved into the file: soon under a flood, seldom for a few writes, never for none."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from models.checkpoint import FEW_WAIT_S, MANY_WRITES, Checkpoints, checkpoint


def test_no_checkpoint_is_due_while_nothing_is_written() -> None:
    assert not Checkpoints(7, 0.0).is_due(7, 1000 * FEW_WAIT_S)


def test_a_few_writes_wait_together_and_are_moved_once() -> None:
    checkpoints = Checkpoints(0, 0.0)
    due = [checkpoints.is_due(writes, at * FEW_WAIT_S / 5) for at, writes in enumerate([1, 2, 3, 4, 4, 5, 5, 5, 5, 5])]
    assert due == [False] * 5 + [True] + [False] * 4
    assert checkpoints.is_due(6, 2 * FEW_WAIT_S)


def test_many_writes_are_moved_at_once() -> None:
    checkpoints = Checkpoints(0, 0.0)
    assert not checkpoints.is_due(MANY_WRITES - 1, 0.1)
    assert checkpoints.is_due(MANY_WRITES, 0.2)
    assert not checkpoints.is_due(MANY_WRITES + 1, 0.3)
    assert checkpoints.is_due(2 * MANY_WRITES, 0.4)


def test_a_checkpoint_moves_the_log_into_the_file_while_others_have_it_open(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("CREATE TABLE numbers (number INTEGER)")
    writer.execute("INSERT INTO numbers VALUES (7)")
    assert checkpoint(str(path)) is None
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())  # without its log
    assert sqlite3.connect(copy).execute("SELECT number FROM numbers").fetchall() == [(7,)]
    writer.close()
