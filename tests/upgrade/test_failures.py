"""Upgrades that go wrong, or meet another one: nothing is lost, and the sentence says how to go on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.conftest import DATABASES
from tests.harness.gateway import SECRET_KEY
from tests.harness.mariadb import MariaDB
from tests.harness.processes import ROOT, clean_environment, wait_until
from tests.upgrade import program as starting
from tests.upgrade.fixture import Tables, earlier_database

UPSTREAM = {"UPSTREAM_BASE_URL": "http://127.0.0.1:9/v1", "UPSTREAM_MODEL": "m", "SECRET_KEY": SECRET_KEY}
MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = {head!r}


def upgrade():
{body}
"""
BREAKS = (
    '    op.create_table("halfway", sa.Column("id", sa.Integer()))\n    op.execute("INSERT INTO nowhere VALUES (1)")'
)
LOSES_ROWS = '    op.execute("DELETE FROM stored_items")\n    op.execute("DELETE FROM stored_responses")'
WAITS = '    import time\n    op.create_table("halfway", sa.Column("id", sa.Integer()))\n    time.sleep(60)'
WORKS = '    op.create_table("halfway", sa.Column("id", sa.Integer()))'
Disk = namedtuple("Disk", "total used free")


class House:
    """A database of an earlier release, and starts of this one on it, with one more migration where asked."""

    def __init__(self, url: str, folder: Path) -> None:
        self.tables = Tables(url)
        self.backups = folder / "backups"
        self._root = folder / "root"
        shutil.copytree(ROOT / "migrations", self._root / "migrations")
        config = folder / "smartroute.toml"
        config.write_text(f'[retention]\nbackup_folder = "{self.backups}"\n', encoding="utf-8")
        self.config = config
        self.env = {**UPSTREAM, "DATABASE_URL": url, "SMARTROUTE_CONFIG": str(config)}
        names = sorted(each.name for each in (ROOT / "migrations" / "versions").glob("0*.py"))
        self.head = names[-1][:4]
        self.before = self.tables.revision

    def add(self, body: str) -> None:
        """Add a migration behind the newest."""
        path = self._root / "migrations" / "versions" / "9999_more.py"
        path.write_text(MIGRATION.format(head=self.head, body=body), encoding="utf-8")

    def begin(self, **env: str) -> subprocess.Popen[str]:
        """Begin a start."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.upgrade.program", str(self._root)],
            cwd=ROOT,
            env=clean_environment({**self.env, **env}),
            stderr=subprocess.PIPE,
            text=True,
        )

    def start(self, **env: str) -> tuple[int, str]:
        """Start and wait; gives the exit code and what it said."""
        process = self.begin(**env)
        said = process.communicate(timeout=60)[1]
        return process.returncode, said

    def start_here(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
        """Start inside this process, where things can be made to fail."""
        for name, value in self.env.items():
            monkeypatch.setenv(name, value)
        return starting.main(self._root), capsys.readouterr().err

    @property
    def made(self) -> list[Path]:
        """The backups."""
        return sorted(self.backups.iterdir()) if self.backups.exists() else []

    def is_as_before(self) -> bool:
        """Whether the database is what the earlier release left."""
        rows = self.tables.scalar("SELECT COUNT(*) FROM usage_log"), self.tables.scalar("SELECT COUNT(*) FROM accounts")
        return (
            self.tables.revision == self.before
            and rows == (18, 3)
            and self.tables.scalar("SELECT COUNT(*) FROM stored_responses") == 2
            and not {"halfway", "audit_log"} & self.tables.names()
        )


@pytest.fixture(params=DATABASES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    return House(earlier_database(request, "0009", request.param, tmp_path), tmp_path)


@pytest.fixture
def on_sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    return House(earlier_database(request, "0009", "sqlite", tmp_path), tmp_path)


@pytest.fixture
def on_mariadb(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    return House(earlier_database(request, "0009", "mariadb", tmp_path), tmp_path)


def test_migration_that_fails_leaves_the_old_database_and_names_the_backup(house: House) -> None:
    house.add(BREAKS)
    code, said = house.start()
    assert code == 1
    assert "could not be upgraded from schema 0009" in said
    [backup] = house.made
    assert str(backup) in said
    assert "The version that you came from starts on it" in said or "as before" in said
    assert house.is_as_before()
    assert "Traceback" not in said


def test_another_secret_key_is_refused_before_anything_is_touched(house: House) -> None:
    code, said = house.start(SECRET_KEY="a quite different secret key")
    assert code == 1
    assert "made with another SECRET_KEY" in said
    assert house.is_as_before()
    assert house.made == []


def test_failed_upgrade_that_may_not_be_undone_drops_nothing_and_keeps_the_backup(
    request: pytest.FixtureRequest, on_mariadb: House
) -> None:
    on_mariadb.add(BREAKS)
    server: MariaDB = request.getfixturevalue("mariadb_server")
    server.revoke("DROP", on_mariadb.env["DATABASE_URL"])
    code, said = on_mariadb.start()
    assert code == 1
    assert "takes the right DROP " in said
    assert f"they are in {on_mariadb.made[0]}" in said
    assert "starts on it" not in said
    assert on_mariadb.tables.scalar("SELECT COUNT(*) FROM usage_log") == 18


def test_upgrade_that_loses_rows_is_undone(house: House) -> None:
    house.add(LOSES_ROWS)
    code, said = house.start()
    assert (code, house.is_as_before()) == (1, True)
    assert "had 2 rows and has 0" in said


def test_upgrade_killed_on_the_way_is_done_by_the_next_start(house: House) -> None:
    house.add(WAITS)
    process = house.begin()
    wait_until("the migration has begun", lambda: _has_begun(house), timeout_s=40)
    process.kill()
    process.communicate()
    house.add(WORKS)
    code, said = house.start()
    assert code == 0, said
    assert house.tables.revision == "9999"
    assert "halfway" in house.tables.names()
    assert house.tables.scalar("SELECT COUNT(*) FROM usage_log") == 18
    assert house.made[0].name.count("-0009-") == 1  # the backup of before the first try is still there


def _has_begun(house: House) -> bool:
    if house.tables.scalar("SELECT 1") and "sqlite" in house.env["DATABASE_URL"]:
        return _is_locked(house)
    return "halfway" in house.tables.names()


def _is_locked(house: House) -> bool:
    if not house.made:
        return False
    try:
        house.tables.execute("DELETE FROM throttle_counters")
    except sa.exc.OperationalError:
        return True
    return False


def test_two_starts_at_once_upgrade_once(house: House) -> None:
    both = [house.begin(), house.begin()]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert len(house.made) == 1
    assert house.tables.revision == house.head


def test_newer_database_is_refused_naming_both_schemas(house: House) -> None:
    house.tables.execute("UPDATE alembic_version SET version_num = '8888'")
    code, said = house.start()
    assert code == 1
    assert "schema 8888" in said
    assert f"up to {house.head}" in said
    assert not house.made


def test_full_disk_is_refused_before_anything(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Disk(10**9, 10**9, 1000))
    code, said = house.start_here(monkeypatch, capsys)
    assert (code, house.is_as_before(), house.made) == (1, True, [])
    assert "make room; or set backup_before_upgrade = false" in said


def test_without_the_client_program_nothing_is_touched(on_mariadb: House, tmp_path: Path) -> None:
    code, said = on_mariadb.start(PATH=str(tmp_path))
    assert (code, on_mariadb.is_as_before()) == (1, True)
    assert "mariadb-dump" in said
    assert "backup_before_upgrade = false" in said


def test_backup_can_be_left_out(on_mariadb: House, tmp_path: Path) -> None:
    on_mariadb.config.write_text("[retention]\nbackup_before_upgrade = false\n", encoding="utf-8")
    code, said = on_mariadb.start(PATH=str(tmp_path))
    assert code == 0, said
    assert "no backup is made" in said
    assert not on_mariadb.made


def test_failed_upgrade_is_not_undone_under_a_gateway_that_still_serves(on_mariadb: House) -> None:
    on_mariadb.add(BREAKS)
    with _somebody_connected(on_mariadb):
        code, said = on_mariadb.start()
        assert code == 1
        assert "left half-way" in said
        assert "goes on where it stopped" in said
    assert on_mariadb.tables.revision == on_mariadb.head
    on_mariadb.add(WORKS)
    code, said = on_mariadb.start()
    assert code == 0, said
    assert "was interrupted: going on with it" in said
    assert on_mariadb.tables.revision == "9999"


@contextmanager
def _somebody_connected(house: House) -> Iterator[None]:
    engine = sa.create_engine(house.env["DATABASE_URL"])
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        yield
    engine.dispose()


def test_only_the_newest_backups_are_kept(on_sqlite: House) -> None:
    on_sqlite.backups.mkdir()
    stem = "smartroute-before-upgrade"
    old = [on_sqlite.backups / f"{stem}-000{n}-2026010{n}T000000.000000Z.db" for n in range(1, 8)]
    other = on_sqlite.backups / "smartroute-before-restore-0001-20260101T000000.000000Z.db"
    for path in [*old, other]:
        path.touch()
    code, said = on_sqlite.start()
    assert code == 0, said
    assert [path for path in old if path.exists()] == old[-4:]
    assert other.exists()
    assert len(on_sqlite.made) == 6


def test_older_database_cannot_be_made_by_a_downgrade(on_sqlite: House) -> None:
    on_sqlite.start()
    done = subprocess.run(
        [Path(sys.executable).with_name("flask"), "db", "downgrade"],
        cwd=ROOT,
        env=clean_environment(on_sqlite.env),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "restore" in done.stderr
    assert "Traceback" not in done.stderr
    assert on_sqlite.tables.revision == on_sqlite.head
    assert os.path.exists(on_sqlite.made[0])


def test_command_on_an_older_database_says_what_to_do_and_changes_nothing(on_sqlite: House) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("flask"), "accounts", "list"],
        cwd=ROOT,
        env=clean_environment(on_sqlite.env),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "flask db upgrade" in done.stderr
    assert on_sqlite.is_as_before()
