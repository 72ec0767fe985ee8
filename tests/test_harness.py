"""The test harness itself, mostly on a stand-in project: what it promises to the other tests."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pymysql
import pytest
import requests
import sqlalchemy as sa

from tests.harness.gateway import Gateway
from tests.harness.mariadb import MariaDB, program
from tests.harness.processes import ROOT, Processes, is_alive, wait_until

STAND_IN_APP = """
    import json, os, pathlib
    config = os.environ.get("SMARTROUTE_CONFIG")
    text = pathlib.Path(config).read_text() if config else None
    def app(environ, start_response):
        print("plain words")
        print(json.dumps({"request_id": environ["QUERY_STRING"]}), flush=True)
        start_response("200 OK", [("Content-Type", "application/json")])
        names = ("DATABASE_URL", "WEB_CONCURRENCY", "UPSTREAM_MODEL")
        return [json.dumps({"config": text, **{name: os.environ.get(name) for name in names}}).encode()]
"""
STAND_IN_CONF = """
    import os
    bind = f"127.0.0.1:{os.environ['PORT']}"
    workers = int(os.environ["WEB_CONCURRENCY"])
    control_socket_disable = True
"""

StandIn = Callable[..., Gateway]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a service of ten lines."""
    (tmp_path / "wsgi.py").write_text(textwrap.dedent(STAND_IN_APP))
    (tmp_path / "gunicorn.conf.py").write_text(textwrap.dedent(STAND_IN_CONF))
    return tmp_path


@pytest.fixture
def stand_in(processes: Processes, project: Path) -> StandIn:
    """Makes gateways on the stand-in project."""

    def make(**settings: object) -> Gateway:
        return Gateway(processes, **{"database_url": "sqlite:///x", "root": project, **settings})  # type: ignore[arg-type]

    return make


def test_gateway_answers_inside_its_block_and_is_gone_after_it(stand_in: StandIn) -> None:
    with stand_in(workers=2) as gateway:
        pids = [gateway.master_pid, *gateway.worker_pids()]
        assert requests.get(gateway.url, timeout=5).json()["WEB_CONCURRENCY"] == "2"
        assert len(pids) == 3
    assert not any(is_alive(pid) for pid in pids)


def test_gateway_that_cannot_start_fails_with_the_tail_of_its_log(stand_in: StandIn, project: Path) -> None:
    (project / "wsgi.py").write_text("raise RuntimeError('the reason')")
    with pytest.raises(AssertionError, match="the reason"), stand_in():
        pass


def test_settings_of_the_developer_do_not_reach_the_gateway(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///precious.db")
    monkeypatch.setenv("UPSTREAM_MODEL", "a-paid-one")
    with stand_in() as gateway:
        seen = requests.get(gateway.url, timeout=5).json()
    assert (seen["DATABASE_URL"], seen["UPSTREAM_MODEL"]) == ("sqlite:///x", None)


def test_gateway_without_a_config_refuses_a_checkout_that_has_one(stand_in: StandIn, project: Path) -> None:
    (project / "smartroute.toml").write_text("")
    with pytest.raises(AssertionError, match="move it away"):
        stand_in()


def test_reload_brings_new_workers_that_see_the_new_config(stand_in: StandIn) -> None:
    with stand_in(workers=2, config="old") as gateway:
        before = gateway.worker_pids()
        gateway.write_config("new")
        gateway.reload()
        wait_until("old workers gone", lambda: not set(before) & set(gateway.worker_pids()))
        assert requests.get(gateway.url, timeout=5).json()["config"] == "new"


def test_killed_worker_is_replaced_by_another(stand_in: StandIn) -> None:
    with stand_in(workers=2) as gateway:
        victim = gateway.kill9_worker()
        wait_until("two workers again", lambda: len(gateway.worker_pids()) == 2)
        assert victim not in gateway.worker_pids()


def test_gateway_killed_whole_can_be_started_again(stand_in: StandIn) -> None:
    with stand_in() as gateway:
        pids = [gateway.master_pid, *gateway.worker_pids()]
        gateway.kill9_all()
        assert not any(is_alive(pid) for pid in pids)
        gateway.start()
        assert requests.get(gateway.url, timeout=5).status_code == 200


def test_gateway_deaf_to_sigterm_is_killed_after_the_patience(stand_in: StandIn, project: Path) -> None:
    deaf = "import signal; on_starting = lambda s: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
    with (project / "gunicorn.conf.py").open("a") as conf:
        conf.write(deaf)
    with stand_in() as gateway:
        started = time.monotonic()
        assert gateway.stop(patience_s=0.3) == -signal.SIGKILL
    assert time.monotonic() - started < 5


def test_log_lines_are_the_json_lines_of_standard_output(stand_in: StandIn) -> None:
    with stand_in() as gateway:
        requests.get(gateway.url + "/?abc", timeout=5)
        assert gateway.log_line("abc") == {"request_id": "abc"}
        assert all(isinstance(line, dict) for line in gateway.log_lines())
        assert "plain words" in gateway.stdout_text()


def test_accounts_are_made_several_at_once_each_with_a_token(gateway: Gateway) -> None:
    made = gateway.accounts(3, plan="plus")
    assert [account["plan"] for account in made] == ["plus"] * 3
    assert len({account["token"] for account in made}) == 3


def test_flask_command_that_fails_shows_in_its_exit_code(gateway: Gateway) -> None:
    assert gateway.flask("accounts", "set-plan", "nobody@example.org", "plus").returncode != 0


def test_mariadb_comes_back_with_its_data_after_a_crash(processes: Processes) -> None:
    server = MariaDB(processes)
    engine = sa.create_engine(server.create_database())
    with engine.begin() as connection:
        connection.execute(sa.text("create table kept (n int)"))
        connection.execute(sa.text("insert into kept values (7)"))
    engine.dispose()
    server.stop(number=signal.SIGKILL)
    with pytest.raises(sa.exc.OperationalError), engine.connect():
        pass
    server.start()
    with engine.connect() as connection:
        assert connection.scalar(sa.text("select n from kept")) == 7
    engine.dispose()
    server.stop()


def test_database_user_reaches_its_databases_alone(mariadb_server: MariaDB) -> None:
    url = sa.make_url(mariadb_server.create_database()).set(database="mysql")
    engine = sa.create_engine(url)
    with pytest.raises(sa.exc.OperationalError) as caught, engine.connect():
        pass
    assert isinstance(caught.value.orig, pymysql.OperationalError)
    assert caught.value.orig.args[0] == 1044  # access denied to this database


def test_missing_server_program_fails_naming_the_package() -> None:
    with pytest.raises(AssertionError, match="install Debian's mariadb-server"):
        program("mariadb-of-another-name")


def test_each_database_url_is_an_empty_database(database_url: str) -> None:
    engine = sa.create_engine(database_url)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()


def test_killed_session_leaves_neither_process_nor_folder() -> None:
    session = """
        import os, signal
        from tests.harness.processes import Processes, ROOT
        processes = Processes()
        print(processes.folder, processes.start(["sleep", "60"], cwd=ROOT).pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    command = [sys.executable, "-c", textwrap.dedent(session)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    folder, pid = done.stdout.split()
    wait_until("the folder is removed", lambda: not Path(folder).exists())
    wait_until("the process has ended", lambda: not is_alive(int(pid)))
