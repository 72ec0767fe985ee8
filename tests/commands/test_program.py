"""The ``flask`` program itself, as scripts run it: entry points, exit codes, a database that nobody made yet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.harness.processes import ROOT, clean_environment

FLASK = Path(sys.executable).with_name("flask")


def flask(url: str, *arguments: str, stdin: int = subprocess.DEVNULL, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the program on a database."""
    environment = {
        "DATABASE_URL": url,
        "SECRET_KEY": "a-fixed-secret-key-of-the-tests",
        "UPSTREAM_BASE_URL": "http://127.0.0.1:9/v1",
        "UPSTREAM_MODEL": "demo-model",
        **env,
    }
    return subprocess.run(
        [FLASK, *arguments],
        cwd=ROOT, env=clean_environment(environment), stdin=stdin, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip


def test_account_is_made_on_a_database_that_nobody_made_yet(database_url: str) -> None:
    done = flask(database_url, "accounts", "create", "member@example.org", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["plan"] == "free"
    assert done.stderr == ""


def test_upgrade_tells_where_it_came_from_and_went_to(database_url: str) -> None:
    first, second = (flask(database_url, "db", "upgrade", "--json") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    made, again = json.loads(first.stdout), json.loads(second.stdout)
    assert made["from"] is None
    assert made["to"] is not None
    assert again == {"from": made["to"], "to": made["to"]}


def test_upgrade_still_takes_what_flask_migrate_lets_it_take(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'smartroute.db'}"
    done = flask(url, "db", "upgrade", "--sql", "head")
    assert done.returncode == 0, done.stderr
    assert "CREATE TABLE accounts" in done.stdout
    done = flask(url, "db", "upgrade", "no-such-revision", "--json")
    assert done.returncode == 1
    assert "no-such-revision" in done.stderr


def test_commands_are_listed() -> None:
    done = flask("sqlite:///x.db", "--help")
    assert {"accounts", "config", "db"} <= set(done.stdout.partition("Commands:")[2].split())


def test_database_group_shows_what_an_operator_needs_and_keeps_the_rest(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'smartroute.db'}"
    listed = flask(url, "db", "--help").stdout.partition("Commands:")[2]
    assert [line.split()[0] for line in listed.strip().splitlines()] == ["move", "upgrade"]
    heads = flask(url, "db", "heads")
    assert (heads.returncode, "(head)" in heads.stdout) == (0, True), heads.stderr


def test_wrong_configuration_is_a_sentence_and_no_trace(tmp_path: Path) -> None:
    toml = tmp_path / "smartroute.toml"
    toml.write_text("[service]\nnme = 1\n")
    for command in (["accounts", "list"], ["db", "upgrade"]):
        done = flask(f"sqlite:///{tmp_path / 'x.db'}", *command, SMARTROUTE_CONFIG=str(toml))
        assert (done.returncode, done.stdout) == (1, "")
        assert f"{toml}:2" in done.stderr
        assert "Traceback" not in done.stderr


def test_database_out_of_reach_is_a_sentence_without_its_password() -> None:
    done = flask("mysql+pymysql://user:the-password@127.0.0.1:9/none", "accounts", "list", "--json")
    assert done.returncode == 1
    assert "The database does not do its work" in json.loads(done.stdout)["error"]["message"]
    assert "the-password" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_other_secret_key_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'smartroute.db'}"
    flask(url, "accounts", "create", "member@example.org")
    done = flask(url, "accounts", "create", "other@example.org", SECRET_KEY="another-secret-key-altogether")
    assert done.returncode == 1
    assert "another SECRET_KEY" in done.stderr


def test_pipe_that_stays_silent_is_not_waited_for_forever(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'smartroute.db'}"
    flask(url, "accounts", "create", "member@example.org")
    reading, writing = os.pipe()
    try:
        done = flask(url, "accounts", "set-password", "member@example.org", "--json", stdin=reading)
    finally:
        os.close(reading)
        os.close(writing)
    assert len(json.loads(done.stdout)["password"]) >= 10
