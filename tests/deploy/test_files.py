"""The other files of deploy/, each held against the program that reads it; and what install.sh refuses."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tests.harness.processes import ROOT, clean_environment
from tests.machines.nginx import OF_TWO

DEPLOY = ROOT / "deploy"
FLASK = Path(sys.executable).with_name("flask")
UNIT = DEPLOY / "systemd" / "smart-route.service"
EXPOSURE_LIMIT = 2.0


def run(*command: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=clean_environment(env), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


def test_scripts_pass_shellcheck() -> None:
    subprocess.run([ROOT / "tools" / "need-shellcheck"], check=True)
    scripts = [DEPLOY / "install.sh", DEPLOY / "smartroute", DEPLOY / "stop.sh", *sorted((DEPLOY / "lib").iterdir())]
    done = run("shellcheck", "-x", *scripts)
    assert done.returncode == 0, done.stdout


def test_unit_is_understood_and_confined(tmp_path: Path) -> None:
    subprocess.run([ROOT / "tools" / "need-systemd-analyze"], check=True)
    unit = tmp_path / UNIT.name
    # The program that it starts lies in this checkout here.
    unit.write_text(UNIT.read_text().replace("/opt/smart-route/current", str(ROOT)))
    done = run("systemd-analyze", "verify", unit)
    assert [line for line in done.stderr.splitlines() if "smart-route" in line] == []
    told = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit).stdout
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", told)
    assert exposure is not None, told
    assert float(exposure[1]) <= EXPOSURE_LIMIT


def test_bound_of_a_stop_is_the_same_in_unit_installer_and_docs() -> None:
    told = UNIT.read_text()
    bound = re.search(r"^ExecStop=\S+/deploy/stop\.sh \$\{MAINPID\} (\d+)$", told, re.MULTILINE)
    last = re.search(r"^TimeoutStopSec=(\d+)$", told, re.MULTILINE)
    assert bound is not None
    assert last is not None
    assert int(bound[1]) < int(last[1]) <= int(bound[1]) + 30
    minutes = f"{int(bound[1]) // 60} minutes"
    assert f"running streams have {minutes}" in run(DEPLOY / "install.sh", "--help").stdout
    assert minutes in (ROOT / "docs/operating.md").read_text()
    assert minutes in (ROOT / "docs/databases.md").read_text()


def test_site_and_docs_name_two_machines_as_they_are_tried() -> None:
    for file in (DEPLOY / "nginx/smart-route.conf", ROOT / "docs/databases.md"):
        named = re.findall(r"^ *#?server 192\.0\.2\.\d+:8000 (.*);$", file.read_text(), re.MULTILINE)
        assert named == [OF_TWO, OF_TWO], file


def test_example_catalog_is_right() -> None:
    env = {"SMARTROUTE_CONFIG": str(DEPLOY / "smartroute.example.toml"), "OPENAI_API_KEY": "a-key"}
    done = run(FLASK, "config", "check", "--json", **env)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {each["base_url"] for each in told["upstreams"]} == {
        "https://api.openai.com/v1",
        "https://openrouter.ai/api/v1",
        "http://127.0.0.1:11434/v1",
        "http://127.0.0.1:8001/v1",
    }
    assert [each["has_key"] for each in told["upstreams"] if each["name"] == "openai"] == [True]


def test_every_model_window_and_price_of_the_example_says_that_it_is_to_be_checked() -> None:
    for line in (DEPLOY / "smartroute.example.toml").read_text().splitlines():
        if line.startswith(("model ", "context_length ", "price ", "reasoning_efforts ")):
            assert "# check" in line, line


def test_example_environment_names_the_keys_that_the_example_catalog_asks_for() -> None:
    wanted = set(re.findall(r'^api_key_env = "(\w+)"', (DEPLOY / "smartroute.example.toml").read_text(), re.MULTILINE))
    offered = set(re.findall(r"^#?(\w+)=", (DEPLOY / "environment.example").read_text(), re.MULTILINE))
    assert wanted <= offered


def test_compose_file_holds_what_the_dockerfile_and_the_settings_name() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    gateway, database = compose["services"]["gateway"], compose["services"]["database"]
    assert gateway["environment"]["DATABASE_URL"].startswith("mysql+pymysql://smartroute:")
    assert gateway["read_only"] is True
    assert {volume.split(":")[0] for volume in [*gateway["volumes"], *database["volumes"]]} == set(compose["volumes"])
    assert gateway["ports"] == ["127.0.0.1:8000:8000"]
    assert "DATABASE_PASSWORD=" in (DEPLOY / "container.env.example").read_text()


def test_dockerfile_ends_as_an_ordinary_user_with_a_health_check() -> None:
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    words = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    last = [tuple(line) for line in words[[name for name, _ in words].index("USER") :]]
    assert last[0] == ("USER", "smartroute")
    check = next(value for name, value in words if name == "HEALTHCHECK")
    program = json.loads(check[check.index("[") :])
    assert compile(program[2], "health check", "exec")
    assert last[-1] == ("CMD", '["gunicorn", "wsgi:app"]')


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--port", "70000"], "--port must be a number from 1 to 65535"),
        (["--port"], "--port needs a value"),
        (["--domain", "https://x"], "--domain must be a host name"),
        (["--wait", "soon"], "--wait must be a number of seconds"),
        (["--upgrade"], "there is no option '--upgrade'"),
        (["--rollback"], "there is no previous release"),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(tmp_path: Path, options: list[str], sentence: str) -> None:
    done = run(DEPLOY / "install.sh", "--prefix", tmp_path / "root", *options)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "root/etc").exists()


def test_port_that_is_taken_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(DEPLOY / "install.sh", "--prefix", tmp_path / "root", "--port", port)
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stderr
    assert not (tmp_path / "root/etc").exists()


def test_python_that_is_missing_is_told_with_what_helps(tmp_path: Path) -> None:
    done = run(DEPLOY / "install.sh", "--prefix", tmp_path / "root", PYTHON="/nowhere/python3")
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr


def test_command_outside_a_release_says_where_it_belongs() -> None:
    done = run(DEPLOY / "smartroute", "accounts", "list")
    assert done.returncode == 1
    assert "no installed release" in done.stderr
