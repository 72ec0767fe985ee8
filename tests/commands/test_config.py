"""``flask config check``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from commands.config import config
from commands.public_address import PORT_NOTE

CATALOG = """\
[service]
name = "Team Gateway"

[[upstreams]]
name = "east"
base_url = "http://127.0.0.1:9/v1"
api_key_env = "EAST_API_KEY"

[[profiles]]
alias = "smart-route-mini"
[[profiles.routes]]
upstream = "east"
model = "qwen3:8b"
"""


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The catalog file in force; the database's address is one that nobody answers at."""
    for name in ("UPSTREAM_BASE_URL", "UPSTREAM_MODEL", "UPSTREAM_API_KEY", "EAST_API_KEY", "PORT", "HOST"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "smartroute.toml"
    path.write_text(CATALOG)
    monkeypatch.setenv("SMARTROUTE_CONFIG", str(path))
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://nobody:nothing@127.0.0.1:9/none")
    return path


def check(*options: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(config, ["check", *options])


def test_right_configuration_is_shown_as_tables(toml: Path) -> None:
    done = check()
    assert done.exit_code == 0
    for words in (str(toml), "Team Gateway", "east/qwen3:8b", "EAST_API_KEY is NOT set", "EUR 0", "notice: "):
        assert words in done.stdout


def test_right_configuration_is_one_json_document(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EAST_API_KEY", "the-secret-itself")
    done = check("--json")
    document = json.loads(done.stdout)
    assert document["ok"] is True
    assert document["upstreams"][0]["has_key"] is True
    assert [plan["slug"] for plan in document["plans"]] == ["free"]
    assert document["plans"][0]["daily"] == 200
    assert any("are left out" in notice for notice in document["notices"])
    assert "the-secret-itself" not in done.output


def test_wrong_catalog_is_told_with_file_line_and_key(toml: Path) -> None:
    toml.write_text(CATALOG.replace('model = "qwen3:8b"', 'modell = "qwen3:8b"'))
    done = check()
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"{toml}:13" in done.stderr
    assert "modell" in done.stderr
    done = check("--json")
    assert done.exit_code == 1
    assert "modell" in json.loads(done.stdout)["error"]["message"]


def test_wrong_setting_is_told_by_its_name(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "eighty")
    done = check()
    assert (done.exit_code, done.stdout) == (1, "")
    assert "PORT" in done.stderr


def test_guessed_port_is_told_unless_port_or_public_url_is_set(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = f"\n{PORT_NOTE}\n"
    assert note in check().stdout
    monkeypatch.setenv("PORT", "8001")
    assert note not in check().stdout
    monkeypatch.delenv("PORT")
    toml.write_text(CATALOG.replace("[service]", '[service]\npublic_url = "http://127.0.0.1:8000"'))
    assert note not in check().stdout
    monkeypatch.setenv("PORT", " ")
    toml.write_text("")
    assert note in check().stdout


def test_notices_stand_below_one_another(toml: Path) -> None:
    toml.write_text(CATALOG + '[[upstreams]]\nname = "idle"\nbase_url = "http://127.0.0.1:9/v1"\n')
    last = check().stdout.rstrip().rpartition("\n\n")[2].splitlines()
    assert len(last) == 3
    assert all(line.startswith("notice: ") for line in last)
