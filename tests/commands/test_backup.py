"""``flask backup`` while the service runs under load, and ``flask restore`` on the stopped one: all is there again."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from models import whole_database
from models.engine import prepare_engine
from models.verification import check_running_numbers
from service.database import backup_dump
from tests.conftest import DATABASES
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.mariadb import MariaDB
from tests.harness.processes import Processes, wait_until
from tests.upgrade.record import CONFIG

Factory = Callable[..., Gateway]
ON_MARIADB = pytest.mark.parametrize("house", ["mariadb"], indirect=True)
COMMANDS = [("accounts", "list"), ("db", "move", "sqlite:////nowhere/else.db")]


class House:
    """A gateway with a member whose prompts are on their way, and a folder for backups."""

    def __init__(self, gateway: Gateway, folder: Path) -> None:
        self.gateway = gateway
        self.folder = folder
        self.member = gateway.account("member@example.org", plan="pro")
        self.answered = 0

    def ask(self, endpoint: str = "chat/completions", **body: Any) -> requests.Response:
        """Send a request as the member."""
        headers = {"Authorization": f"Bearer {self.member['token']}"}
        return requests.post(f"{self.gateway.api}/{endpoint}", json=body, headers=headers, timeout=20)

    def get(self, path: str) -> Any:
        """GET as the member."""
        headers = {"Authorization": f"Bearer {self.member['token']}"}
        return requests.get(f"{self.gateway.api}/{path}", headers=headers, timeout=20).json()

    def used(self) -> int:
        """Prompts of the month."""
        return int(self.get("usage")["month"]["used"])

    @contextmanager
    def load(self) -> Iterator[None]:
        """Four clients that ask all the time; every answer must be good."""
        stop = threading.Event()
        wrong: list[str] = []

        def ask() -> None:
            while not stop.is_set():
                answer = self.ask(messages=[{"role": "user", "content": "[[tokens 3]]"}], stream=True)
                self.answered += 1
                if answer.status_code != 200 or "[DONE]" not in answer.text:
                    wrong.append(answer.text)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)
        assert not wrong

    def run(self, *arguments: str) -> Any:
        """Run a command that must go well and give its document."""
        done = self.gateway.flask(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refused(self, *arguments: str) -> str:
        """Run a command that must be refused in a sentence, and give that."""
        done = self.gateway.flask(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert "Traceback" not in done.stderr
        return done.stderr

    def check_books(self) -> int:
        """Hold the running numbers against the rows; gives the number of rows that are not closed."""
        engine = sa.create_engine(self.gateway.database_url, poolclass=sa.NullPool)
        prepare_engine(engine)
        with engine.connect() as connection:
            assert check_running_numbers(connection) >= 1
            open_rows = "SELECT COUNT(*) FROM usage_log WHERE status IN ('open', 'started')"
            return int(connection.exec_driver_sql(open_rows).scalar_one())


@pytest.fixture(scope="module", params=DATABASES)
def house(
    request: pytest.FixtureRequest, module_gateway_factory: Factory, processes: Processes, demo: Demo
) -> Iterator[House]:
    folder = processes.new_folder("backups")
    config = CONFIG.format(demo=demo.base_url) + f'\n[retention]\nbackup_folder = "{folder / "kept"}"\n'
    gateway = module_gateway_factory(request.param, workers=2, config=config)
    yield House(gateway, folder)
    gateway.stop()


@pytest.fixture(scope="module")
def saved(house: House) -> tuple[Path, dict[str, Any], int]:
    """A backup that was made under load: its file, what the command said, and what was used after it."""
    stored = house.ask("responses", input="[[reply Good morning]]").json()
    file = house.folder / "under-load.gz"
    with house.load():
        told = house.run("backup", str(file))
    house.member["stored"] = stored["id"]
    return file, told, house.used()


def test_backup_under_load_is_whole_private_and_without_the_key(house: House, saved: Any) -> None:
    file, told, _ = saved
    assert told["holds_key"] is False
    assert file.stat().st_mode & 0o777 == 0o600
    assert told["bytes"] == file.stat().st_size
    assert told["rows"]["usage_log"] >= 1
    assert list(file.parent.glob(".*partial*")) == []
    assert house.gateway.env["SECRET_KEY"].encode() not in gzip.decompress(file.read_bytes())


def test_existing_file_is_replaced_by_force_only(house: House, saved: Any) -> None:
    file = house.folder / "again"
    file.write_text("something dear")
    assert "exists already" in house.refused("backup", str(file))
    assert file.read_text() == "something dear"
    assert house.run("backup", str(file), "--force")["bytes"] == file.stat().st_size > 1000


def test_backup_into_a_missing_folder_is_refused(house: House, saved: Any) -> None:
    assert "is no folder" in house.refused("backup", str(house.folder / "nowhere" / "file"))


def test_database_that_does_not_answer_is_one_sentence(house: House, saved: Any, monkeypatch: Any) -> None:
    if house.gateway.database_url.startswith("mysql"):
        url = house.gateway.database_url.replace("throw-away", "wrong")
        monkeypatch.setitem(house.gateway.env, "DATABASE_URL", url)
        for command in (("backup", str(house.folder / "none")), ("restore", str(saved[0]))):
            assert "The database does not do its work: " in house.refused(*command)


def test_restore_beside_a_running_service_is_refused(house: House, saved: Any) -> None:
    assert "takes a stopped service" in house.refused("restore", str(saved[0]))
    assert house.used() == saved[2]


def test_password_of_the_database_is_on_no_command_line(
    request: pytest.FixtureRequest, house: House, saved: Any, tmp_path: Path
) -> None:
    if not house.gateway.database_url.startswith("mysql"):
        assert "password" not in house.gateway.database_url
        return
    log = tmp_path / "seen"
    spy = tmp_path / "mariadb-dump"
    real = shutil.which("mariadb-dump")
    spy.write_text(f'#!/bin/sh\ncat /proc/$$/cmdline /proc/$$/environ >> {log}\nexec {real} "$@"\n')
    spy.chmod(0o755)
    path = house.gateway.env.get("PATH")
    house.gateway.env["PATH"] = f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin"
    try:
        house.run("backup", str(tmp_path / "one.sql"))
    finally:
        if path is None:
            del house.gateway.env["PATH"]
        else:
            house.gateway.env["PATH"] = path
    seen = log.read_bytes().split(b"\0")
    assert b"--single-transaction" in seen
    assert not [word for word in seen if b"throw-away" in word and not word.startswith(b"DATABASE_URL=")]


def test_stopped_service_is_restored_to_the_moment_of_the_backup(house: House, saved: Any) -> None:
    file, told, used_later = saved
    house.gateway.stop()
    answer = house.run("restore", str(file))
    assert answer["rows"] == told["rows"]
    kept = Path(answer["kept"])
    assert kept.exists()
    house.gateway.start()
    # What was under way at the backup belongs to workers that are gone, and is given back or closed.
    wait_until("no row is open", lambda: house.check_books() == 0, timeout_s=60)
    used = house.used()
    assert 1 <= used <= used_later
    assert house.get(f"responses/{house.member['stored']}")["output"][0]["content"][0]["text"] == "Good morning"
    assert house.ask(messages=[{"role": "user", "content": "hello"}]).status_code == 200
    assert house.used() == used + 1
    house.check_books()
    house.gateway.stop()
    # What a restore put aside is a backup like any other: it brings the later state back.
    rows = house.run("restore", str(kept))["rows"]
    assert rows["usage_log"] > told["rows"]["usage_log"]
    house.check_books()


def test_backup_of_another_key_is_refused_before_anything(house: House, saved: Any) -> None:
    house.gateway.stop()
    key = house.gateway.env["SECRET_KEY"]
    house.gateway.env["SECRET_KEY"] = "quite another secret key of the tests"
    try:
        said = house.refused("restore", str(saved[0]))
    finally:
        house.gateway.env["SECRET_KEY"] = key
    assert "made with another SECRET_KEY" in said
    assert house.check_books() == 0


@pytest.mark.parametrize("damage", ["cut", "altered", "foreign", "empty"])
def test_damaged_or_foreign_file_is_refused_and_changes_nothing(
    house: House, saved: Any, tmp_path: Path, damage: str
) -> None:
    house.gateway.stop()
    whole = gzip.decompress(saved[0].read_bytes())
    place = whole.rindex(b"member@example.org")
    damaged = {
        "cut": whole[: len(whole) // 2],
        "altered": whole[:place] + b"x" * 4000 + whole[place + 4000 :],
        "foreign": b"CREATE TABLE accounts (id int);\n",
        "empty": b"",
    }
    file = tmp_path / damage
    file.write_bytes(damaged[damage])
    said = house.refused("restore", str(file))
    assert "no sound backup" in said
    assert "Nothing was changed" in said
    assert house.check_books() == 0


def test_backup_of_a_newer_schema_is_refused(house: House, saved: Any, tmp_path: Path) -> None:
    house.gateway.stop()
    engine = sa.create_engine(house.gateway.database_url, poolclass=sa.NullPool)

    def set_revision(number: str) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{number}'")  # noqa: S608

    set_revision("8888")
    try:
        house.run("backup", str(tmp_path / "newer"))
    finally:
        set_revision(saved[1]["schema"])
    said = house.refused("restore", str(tmp_path / "newer"))
    assert "has schema 8888" in said
    assert f"up to {saved[1]['schema']}" in said


def test_restore_that_breaks_on_the_way_leaves_the_old_database(house: House, saved: Any, tmp_path: Path) -> None:
    if not house.gateway.database_url.startswith("mysql"):
        # There the file is replaced in one step; what can fail is the copy before, as on a full disk.
        house.gateway.stop()
        limited = f"ulimit -f 100; exec {Path(house.gateway.root) / '.venv/bin/flask'} restore {saved[0]}"
        env = {**house.gateway.env, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(["bash", "-c", limited], env=env, cwd=house.gateway.root, capture_output=True, text=True)
        assert done.returncode == 1
        assert "Nothing was changed" in done.stderr
        assert house.check_books() == 0
        return
    house.gateway.stop()
    real = shutil.which("mariadb")
    once = tmp_path / "mariadb"
    mark = tmp_path / "mark"
    # The first client breaks off in the middle, the second, which puts the old tables back, does its work.
    once.write_text(
        f'#!/bin/sh\nif [ -e {mark} ]; then exec {real} "$@"; fi\ntouch {mark}\nhead -c 2000 >/dev/null; exit 3\n'
    )
    once.chmod(0o755)
    house.gateway.env["PATH"] = f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin"
    try:
        said = house.refused("restore", str(saved[0]))
    finally:
        del house.gateway.env["PATH"]
    assert "The old tables are in their place again" in said
    assert house.check_books() == 0


@ON_MARIADB
@pytest.mark.parametrize("right", ["DROP", "TRIGGER"])
def test_restore_without_a_right_names_it_and_drops_nothing(
    request: pytest.FixtureRequest, house: House, saved: Any, right: str
) -> None:
    url = house.gateway.database_url
    house.gateway.stop()
    server: MariaDB = request.getfixturevalue("mariadb_server")
    server.revoke(right, url)
    try:
        said = house.refused("restore", str(saved[0]))
    finally:
        server.grant(right, url)
    assert f"takes the right {right} " in said
    assert "No table was dropped" in said
    assert house.check_books() == 0
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        assert not [name for name in sa.inspect(connection).get_table_names() if "trial" in name]


@ON_MARIADB
def test_half_restored_database_is_told_in_a_sentence_and_mended_by_an_earlier_dump_that_locks_tables(
    house: House, saved: Any, tmp_path: Path
) -> None:
    house.gateway.stop()
    engine = sa.create_engine(house.gateway.database_url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        whole_database.empty(connection)
    for command in COMMANDS:
        assert "a restore of this database was interrupted" in house.refused(*command), command
    assert "nothing to back up" in house.refused("backup", str(house.folder / "half"))
    with engine.connect() as connection:
        whole_database.set_revision(connection, saved[1]["schema"])  # of tables that somebody dropped by hand
    assert "The database does not do its work: " in house.refused("accounts", "list")
    with engine.connect() as connection:
        whole_database.set_revision(connection, whole_database.RESTORING)
    text, mark, last = gzip.decompress(saved[0].read_bytes()).rpartition(backup_dump.LAST_LINE)
    assert b"LOCK TABLES" not in text
    text = text.replace(b"INSERT INTO `accounts`", b"LOCK TABLES `accounts` WRITE;\nINSERT INTO `accounts`", 1)
    told = {**json.loads(last), "sha256": hashlib.sha256(text).hexdigest()}
    earlier = tmp_path / "earlier"
    earlier.write_bytes(text + mark + json.dumps(told).encode() + b"\n")
    assert house.run("restore", str(earlier))["rows"] == saved[1]["rows"]
