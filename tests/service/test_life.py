"""Starting, reloading and stopping the service, as an operator does it."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import ROOT, is_alive, wait_until
from tests.models.ledger import Ledger

CONFIG = """
[[upstreams]]
name = "east"
base_url = "{demo}"

[[profiles]]
alias = "smart-route-mini"
routes = [{{ upstream = "east", model = "demo-model" }}]

[[plans]]
slug = "free"
name = "Free"
profile = "smart-route-mini"
daily = {daily}
"""

Factory = Callable[..., Gateway]


class Stream:
    """A slow stream of 12 words that is read beside the test."""

    def __init__(self, gateway: Gateway, token: str) -> None:
        body = {"stream": True, "messages": [{"role": "user", "content": "[[tokens 12]] [[pace 250]]"}]}
        self._answer = requests.post(
            f"{gateway.api}/chat/completions",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            stream=True,
            timeout=30,
        )
        self.text = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for piece in self._answer.iter_content(None):
            self.text += piece.decode()

    def end(self) -> str:
        """Wait for the end; return all that came."""
        self._reader.join(20)
        return self.text


@pytest.fixture
def gateway(gateway_factory: Factory, demo: Demo) -> Gateway:
    return gateway_factory("sqlite", workers=1, config=CONFIG.format(demo=demo.base_url, daily=200))


def daily_limit(gateway: Gateway, token: str) -> Any:
    answer = requests.get(f"{gateway.api}/usage", headers={"Authorization": f"Bearer {token}"}, timeout=10)
    return answer.json()["day"]["limit"]


def test_changed_catalog_is_taken_over_while_a_stream_runs_on(gateway: Gateway, demo: Demo) -> None:
    token = gateway.account()["token"]
    stream = Stream(gateway, token)
    gateway.write_config(CONFIG.format(demo=demo.base_url, daily=7))
    os.kill(gateway.master_pid, signal.SIGHUP)
    wait_until("the new limit holds", lambda: daily_limit(gateway, token) == 7, timeout_s=15)
    assert stream.end().endswith("data: [DONE]\n\n")


def test_wrong_catalog_is_named_and_the_old_one_stays(gateway: Gateway, demo: Demo) -> None:
    token = gateway.account()["token"]
    gateway.write_config(CONFIG.format(demo=demo.base_url, daily='"many"'))
    os.kill(gateway.master_pid, signal.SIGHUP)
    wait_until("it is said", lambda: "the old one stays in force" in gateway.stderr_text(), timeout_s=15)
    assert "plans[0].daily" in gateway.stderr_text()
    assert daily_limit(gateway, token) == 200


def test_catalog_without_a_plan_that_accounts_hold_is_not_taken_over(gateway: Gateway, demo: Demo) -> None:
    token = gateway.account()["token"]
    gateway.write_config(CONFIG.format(demo=demo.base_url, daily=7).replace('slug = "free"', 'slug = "other"'))
    os.kill(gateway.master_pid, signal.SIGHUP)
    wait_until("it is said", lambda: "cannot be used, the old one stays" in gateway.stderr_text(), timeout_s=15)
    assert "no plan 'free'" in gateway.stderr_text()
    assert daily_limit(gateway, token) == 200


def test_reload_without_a_change_says_so(gateway: Gateway) -> None:
    os.kill(gateway.master_pid, signal.SIGHUP)
    wait_until("it is said", lambda: "nothing has changed" in gateway.stderr_text(), timeout_s=15)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_lets_a_running_stream_end(gateway: Gateway, number: signal.Signals) -> None:
    stream = Stream(gateway, gateway.account()["token"])
    os.kill(gateway.master_pid, number)
    assert stream.end().endswith("data: [DONE]\n\n")
    wait_until("the service has ended", lambda: not is_alive(gateway.master_pid), timeout_s=15)
    assert "Traceback" not in gateway.stderr_text()


def test_stop_closes_the_port_at_once_and_says_so_on_kept_connections(gateway: Gateway) -> None:
    stream = Stream(gateway, gateway.account()["token"])
    with requests.Session() as kept, requests.Session() as idle:
        for session in (kept, idle):
            assert "close" not in session.get(f"{gateway.url}/healthz", timeout=10).headers.get("Connection", "")
        os.kill(gateway.master_pid, signal.SIGTERM)
        wait_until("nobody listens", lambda: refuses(gateway), timeout_s=5)
        answer = kept.get(f"{gateway.url}/healthz", timeout=10)
        assert (answer.status_code, answer.headers["Connection"]) == (200, "close")
        assert stream.end().endswith("data: [DONE]\n\n")
        wait_until("idle connections hold nothing up", lambda: not is_alive(gateway.master_pid), timeout_s=4)


def refuses(gateway: Gateway) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", gateway.port)) == errno.ECONNREFUSED


def test_stop_is_bounded_by_drain_seconds(gateway: Gateway, demo: Demo) -> None:
    token = gateway.account()["token"]
    gateway.write_config("[service]\ndrain_seconds = 1\n" + CONFIG.format(demo=demo.base_url, daily=50))
    gateway.reload()
    body = {"stream": True, "messages": [{"role": "user", "content": "[[tokens 600]] [[pace 100]]"}]}
    headers = {"Authorization": f"Bearer {token}"}
    with requests.post(f"{gateway.api}/chat/completions", json=body, headers=headers, stream=True, timeout=30):
        os.kill(gateway.master_pid, signal.SIGTERM)
        wait_until("the service has ended", lambda: not is_alive(gateway.master_pid), timeout_s=8)
    gateway.start()
    answer = requests.get(f"{gateway.api}/usage", headers=headers, timeout=10)
    assert answer.json()["day"]["used"] == 1, "it had output"


def test_stop_tells_whom_it_cuts_and_blames_no_client(gateway_factory: Factory, demo: Demo) -> None:
    gateway = gateway_factory(
        "sqlite", config="[service]\ndrain_seconds = 1\n" + CONFIG.format(demo=demo.base_url, daily=50)
    )
    headers = {"Authorization": f"Bearer {gateway.account()['token']}"}
    begun = threading.Barrier(4)

    def send(trigger: str, *, stream: bool) -> bytes:
        body = {"stream": stream, "messages": [{"role": "user", "content": trigger}]}
        begun.wait()
        try:
            with requests.post(f"{gateway.api}/chat/completions", json=body, headers=headers, timeout=30) as answer:
                return answer.content
        except requests.ConnectionError:
            return b""

    with ThreadPoolExecutor(3) as threads:
        spoken = threads.submit(send, "[[tokens 600]] [[pace 100]]", stream=True)
        silent = threads.submit(send, "[[delay 20]]", stream=True)
        whole = threads.submit(send, "[[delay 20]]", stream=False)
        begun.wait()
        ledger = Ledger(gateway.database_url, make_tables=False)
        wait_until(
            "all are under way", lambda: sorted(ledger.statuses(ledger.open_rows())) == ["open"] * 2 + ["started"]
        )
        rows = ledger.open_rows()
        os.kill(gateway.master_pid, signal.SIGTERM)
        wait_until("the service has ended", lambda: not is_alive(gateway.master_pid), timeout_s=20)
    assert b'"upstream_incomplete"' in spoken.result()
    assert spoken.result().endswith(b"data: [DONE]\n\n")
    assert (silent.result(), whole.result()) == (b"", b"")
    assert sorted(ledger.statuses(rows)) == ["failed", "failed", "interrupted"]
    assert {ledger.row(row_id).error_code for row_id in rows} == {"worker_lost"}
    ledger.close()


def test_taken_port_is_one_sentence_after_a_short_wait(gateway: Gateway) -> None:
    env = {**os.environ, "PORT": str(gateway.port), "DATABASE_URL": gateway.database_url}
    env["SMARTROUTE_CONFIG"] = str(gateway.config_path)
    done = subprocess.run(
        [str(gateway.root / ".venv/bin/gunicorn"), "wsgi:app"],
        env=env,
        cwd=gateway.root,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert done.stderr.strip().splitlines() == [
        f"smart-route: 127.0.0.1:{gateway.port} is taken: waiting up to 5 s for its process to end",
        f"smart-route: 127.0.0.1:{gateway.port}: Address already in use, try PORT={gateway.port + 1}",
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "::"])
def test_address_is_told_to_the_server_in_its_own_form(host: str) -> None:
    look = "import runpy; from gunicorn import util; "
    look += "print(util.parse_address(runpy.run_path('gunicorn.conf.py')['bind']))"
    env = {**os.environ, "PORT": "8765", "HOST": host}
    done = subprocess.run([sys.executable, "-c", look], env=env, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == str((host, 8765)), done.stderr


def test_database_made_with_another_key_is_refused_with_what_helps(gateway: Gateway, gateway_factory: Factory) -> None:
    gateway.stop()
    with pytest.raises(AssertionError, match="another SECRET_KEY"):
        gateway_factory("sqlite", database_url=gateway.database_url, env={"SECRET_KEY": "a quite different secret key"})
