"""SIGUSR2: a new master from the code as it now is takes over, and no stream is cut, whatever comes between."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests.conftest import GatewayFactory
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes, is_alive, wait_until
from tests.machines.clients import Clients, used
from tests.service.test_life import CONFIG, Stream, daily_limit


class Systemd:
    """The socket on which a service tells systemd how it is."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.setblocking(False)
        self._told: list[str] = []

    def told(self) -> list[str]:
        """Every assignment so far, but for words for people."""
        with contextlib.suppress(BlockingIOError):
            while True:
                lines = self._socket.recv(4096).decode().splitlines()
                self._told += [line for line in lines if not line.startswith(("STATUS=", "MONOTONIC_USEC="))]
        return self._told

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(processes: Processes) -> Iterator[Systemd]:
    systemd = Systemd(processes.new_folder("systemd") / "notify")
    yield systemd
    systemd.close()


@pytest.fixture
def gateway(gateway_factory: GatewayFactory, demo: Demo, systemd: Systemd) -> Gateway:
    config = CONFIG.format(demo=demo.base_url, daily=9999)
    return gateway_factory("sqlite", workers=2, config=config, env={"NOTIFY_SOCKET": systemd.path})


def ended(gateway: Gateway, pid: int) -> None:
    wait_until(f"process {pid} has ended", lambda: not is_alive(pid), timeout_s=20)


def successor_of(gateway: Gateway) -> int:
    """The new master, as soon as it has become gunicorn once more."""

    def found() -> int:
        command = psutil.Process(gateway.master_pid).cmdline()
        for child in psutil.Process(gateway.master_pid).children():
            with contextlib.suppress(psutil.Error):
                if child.cmdline() == command and "GUNICORN_PID" in child.environ():
                    return child.pid
        return 0

    return wait_until("a new master starts", found)


def test_upgrade_under_load_loses_nothing_and_serves_what_is_new(
    gateway: Gateway, demo: Demo, systemd: Systemd
) -> None:
    old, token = gateway.master_pid, gateway.account()["token"]
    wait_until("it is ready", lambda: systemd.told() == ["READY=1"])
    gateway.write_config(CONFIG.format(demo=demo.base_url, daily=5000))
    with Clients(gateway.api, token, count=16) as clients:
        wait_until("all are at it", lambda: clients.answered > 16, timeout_s=20)
        new = gateway.hand_over()
        ended(gateway, old)
        goal = clients.answered + 16
        wait_until("they go on", lambda: clients.answered > goal, timeout_s=20)
    assert clients.failures == []
    assert used(gateway.api, token) == clients.answered
    assert daily_limit(gateway, token) == 5000
    assert systemd.told() == ["READY=1", f"MAINPID={new}", "READY=1"], "STOPPING from the old one would stop the unit"
    os.kill(new, signal.SIGHUP)
    wait_until("a reload is told", lambda: systemd.told()[3:] == ["RELOADING=1", "READY=1"], timeout_s=20)
    third = gateway.hand_over()
    ended(gateway, new)
    assert gateway.master_pid == third
    os.kill(third, signal.SIGUSR2)
    started = "a new process ("
    wait_until("the next upgrade may follow at once", lambda: gateway.stderr_text().count(started) == 3, timeout_s=3)
    os.kill(third, signal.SIGTERM)
    ended(gateway, third)
    assert systemd.told()[-1] == "STOPPING=1"
    assert "Traceback" not in gateway.stderr_text()


def test_new_process_that_cannot_start_changes_nothing(gateway: Gateway, demo: Demo, systemd: Systemd) -> None:
    old, token = gateway.master_pid, gateway.account()["token"]
    stream = Stream(gateway, token)
    gateway.write_config(CONFIG.format(demo=demo.base_url, daily='"many"'))
    os.kill(old, signal.SIGUSR2)
    wait_until("it is said", lambda: f"process {old} serves on" in gateway.stderr_text(), timeout_s=20)
    assert "plans[0].daily" in gateway.stderr_text()
    assert stream.end().endswith("data: [DONE]\n\n")
    assert daily_limit(gateway, token) == 9999
    gateway.write_config(CONFIG.format(demo=demo.base_url, daily=7))
    gateway.hand_over()
    assert daily_limit(gateway, token) == 7


def test_second_signal_meanwhile_is_ignored_and_killed_successor_is_noticed(gateway: Gateway) -> None:
    old = gateway.master_pid
    os.kill(old, signal.SIGUSR2)
    successor = successor_of(gateway)
    os.kill(old, signal.SIGUSR2)
    wait_until("it is said", lambda: "is starting already" in gateway.stderr_text())
    os.kill(successor, signal.SIGKILL)
    wait_until("it is said", lambda: f"process {old} serves on" in gateway.stderr_text(), timeout_s=20)
    assert requests.get(f"{gateway.url}/healthz", timeout=10).status_code == 200


def test_stop_meanwhile_stops_both(gateway: Gateway, systemd: Systemd) -> None:
    old, stream = gateway.master_pid, Stream(gateway, gateway.account()["token"])
    os.kill(old, signal.SIGUSR2)
    successor = successor_of(gateway)
    os.kill(old, signal.SIGTERM)
    assert stream.end().endswith("data: [DONE]\n\n")
    ended(gateway, old)
    ended(gateway, successor)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{gateway.url}/healthz", timeout=10)
    assert systemd.told()[-1] == "STOPPING=1"


def test_old_master_ends_streams_that_outlive_drain_seconds(gateway_factory: GatewayFactory, demo: Demo) -> None:
    config = "[service]\ndrain_seconds = 1\n" + CONFIG.format(demo=demo.base_url, daily=50)
    gateway = gateway_factory("sqlite", config=config)
    token, old = gateway.account()["token"], gateway.master_pid
    body = {"stream": True, "messages": [{"role": "user", "content": "[[tokens 600]] [[pace 100]]"}]}
    headers = {"Authorization": f"Bearer {token}"}
    with requests.post(f"{gateway.api}/chat/completions", json=body, headers=headers, stream=True, timeout=30):
        gateway.hand_over()
        began = time.monotonic()
        ended(gateway, old)
        assert time.monotonic() - began < 10
    assert used(gateway.api, token) == 1, "it had output"
