"""A service that starts while a restore looks through its file keeps its database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from models import sqlite_file
from service.database import backup, backup_restore
from service.process.not_ready import NotReady
from tests.accounts.house import open_house

HOLD = "import sqlite3, sys; held = sqlite3.connect(sys.argv[1]); held.execute('PRAGMA user_version').fetchall(); "


@pytest.mark.sqlite_only
def test_service_that_starts_while_the_file_is_checked_keeps_its_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "house.db"
    started: list[subprocess.Popen[bytes]] = []
    look = sqlite_file.check

    def check(file: Path) -> sqlite_file.Facts:
        command = [sys.executable, "-c", f"{HOLD}print(flush=True); sys.stdin.read()", str(path)]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert started[-1].stdout is not None
        started[-1].stdout.readline()
        return look(file)

    with open_house(f"sqlite:///{path}") as app, app.app_context():
        saved = backup.make(tmp_path / "saved.db").path
        before = path.stat().st_ino
        monkeypatch.setattr(sqlite_file, "check", check)
        try:
            with pytest.raises(NotReady, match="a restore takes a stopped service"):
                backup_restore.restore(saved)
        finally:
            for process in started:
                process.communicate(timeout=10)
        assert path.stat().st_ino == before
        monkeypatch.undo()
        assert backup_restore.restore(saved).kept is not None
