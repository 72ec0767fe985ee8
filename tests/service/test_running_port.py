"""The port of the running service, which a command of another shell finds by itself."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from commands.public_address import PORT_NOTE
from config import Settings
from service.process import running_port
from tests.harness.gateway import PROGRAMS, Gateway
from tests.harness.processes import clean_environment, is_alive, wait_until

Factory = Callable[..., Gateway]


def link_from_another_shell(gateway: Gateway) -> str:
    """What ``operator-link`` prints where nobody has set PORT."""
    env = {name: value for name, value in gateway.env.items() if name != "PORT"}
    done = subprocess.run(
        [PROGRAMS / "flask", "accounts", "operator-link"],
        cwd=gateway.root, env=clean_environment(env), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout


def noted_ports(gateway: Gateway) -> list[int]:
    """The ports in all files of the folder; other services of it may come and go meanwhile."""
    ports = []
    for path in settings_of(gateway).instance_dir.glob("running-*.json"):
        with contextlib.suppress(FileNotFoundError):
            ports.append(json.loads(path.read_text())["port"])
    return ports


def settings_of(gateway: Gateway) -> Settings:
    """The settings of its process."""
    return Settings.from_environment(gateway.env, gateway.root)


def test_command_without_port_prints_the_address_of_the_running_service(gateway_factory: Factory) -> None:
    gateway = gateway_factory("sqlite", workers=1)
    printed = link_from_another_shell(gateway)
    assert printed.startswith(f"{gateway.url}/operator?link=")
    assert PORT_NOTE not in printed
    assert gateway.port in noted_ports(gateway)
    gateway.stop()
    assert gateway.port not in noted_ports(gateway)
    printed = link_from_another_shell(gateway)
    assert printed.startswith("http://127.0.0.1:8000/operator?link=")
    assert PORT_NOTE in printed


def test_port_of_a_killed_service_counts_for_nothing(gateway_factory: Factory) -> None:
    gateway = gateway_factory("sqlite", workers=1)
    assert running_port.find(settings_of(gateway)) == gateway.port
    gateway.kill9_all()
    wait_until("it is dead", lambda: not is_alive(gateway.master_pid))
    assert running_port.find(settings_of(gateway)) is None
    gateway.start()
    assert running_port.find(settings_of(gateway)) == gateway.port


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a folder of the test's own."""
    return Settings.from_environment({"PORT": "8123"}, tmp_path)


def other(settings: Settings, **env: str) -> Settings:
    """The settings of another service in the same folder."""
    return Settings.from_environment({"PORT": "8124", **env}, settings.root)


def test_services_on_two_databases_are_told_apart(settings: Settings) -> None:
    second = other(settings, DATABASE_URL="mysql+pymysql://a:first-password@127.0.0.1/team")
    running_port.note(settings)
    running_port.note(second)
    assert (running_port.find(settings), running_port.find(second)) == (8123, 8124)
    renewed = other(settings, DATABASE_URL="mysql+pymysql://a:second-password@127.0.0.1/team")
    assert running_port.find(renewed) == 8124
    running_port.forget(settings)
    assert (running_port.find(settings), running_port.find(second)) == (None, 8124)


def test_number_of_a_process_that_another_has_by_now_counts_for_nothing(settings: Settings) -> None:
    running_port.note(settings)
    [path] = settings.instance_dir.glob("running-*.json")
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "started": kept["started"] - 1}))
    assert running_port.find(settings) is None
    running_port.note(other(settings, DATABASE_URL="sqlite:///other.db"))
    assert not path.exists()


def test_end_of_one_service_leaves_the_file_of_its_successor(settings: Settings) -> None:
    running_port.note(settings)
    [path] = settings.instance_dir.glob("running-*.json")
    successor = json.loads(path.read_text()) | {"pid": os.getppid()}
    path.write_text(json.dumps(successor))
    running_port.forget(settings)
    assert path.exists()


@pytest.mark.parametrize("text", [b"", b"null", b"[1]", b"{", b"\xff", b'{"port": "8", "pid": null}', b'{"port": 8}'])
def test_file_that_says_nothing_is_no_service(settings: Settings, text: bytes) -> None:
    running_port.note(settings)
    [path] = settings.instance_dir.glob("running-*.json")
    path.write_bytes(text)
    assert running_port.find(settings) is None
    running_port.note(settings)
    assert running_port.find(settings) == 8123
