"""kill -9 of the main process: its workers notice, give the port up, and whoever starts the service anew gets it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import psutil
import pytest
import requests

from tests.conftest import GatewayFactory
from tests.harness.demo import Demo
from tests.harness.gateway import PROGRAMS, Gateway, listens
from tests.harness.processes import Processes, is_alive, wait_until
from tests.models.ledger import Ledger
from tests.service.test_life import CONFIG

WAITS = "is taken: waiting"


@pytest.fixture
def gateway(gateway_factory: GatewayFactory, demo: Demo) -> Gateway:
    return gateway_factory("sqlite", workers=2, config=CONFIG.format(demo=demo.base_url, daily=50))


@pytest.fixture
def ledger(gateway: Gateway) -> Iterator[Ledger]:
    ledger = Ledger(gateway.database_url, make_tables=False)
    yield ledger
    ledger.close()


class Requests:
    """A stream with output, and a whole answer that nothing has come of yet."""

    def __init__(self, gateway: Gateway, ledger: Ledger, threads: ThreadPoolExecutor) -> None:
        self._gateway = gateway
        self._headers = {"Authorization": f"Bearer {gateway.account()['token']}"}
        self.stream: Future[bytes] = threads.submit(self._send, "[[tokens 600]] [[pace 100]]", stream=True)
        self.whole: Future[bytes] = threads.submit(self._send, "[[delay 60]]", stream=False)
        wait_until("both are under way", lambda: sorted(ledger.statuses(ledger.open_rows())) == ["open", "started"])
        self.rows = ledger.open_rows()

    def used(self) -> int:
        answer = requests.get(f"{self._gateway.api}/usage", headers=self._headers, timeout=10)
        return int(answer.json()["day"]["used"])

    def _send(self, trigger: str, *, stream: bool) -> bytes:
        body = {"stream": stream, "messages": [{"role": "user", "content": trigger}]}
        url = f"{self._gateway.api}/chat/completions"
        try:
            with requests.post(url, json=body, headers=self._headers, timeout=60) as answer:
                return answer.content
        except requests.ConnectionError:
            return b""


def kept_connection(gateway: Gateway) -> socket.socket:
    """A connection that has been answered and waits for its next request."""
    connection = socket.create_connection(("127.0.0.1", gateway.port), timeout=20)
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
    return connection


def kill_master(gateway: Gateway) -> list[int]:
    """Kill the master alone; gives the workers that it leaves behind."""
    workers = gateway.worker_pids()
    os.kill(gateway.master_pid, signal.SIGKILL)
    wait_until("the master is dead", lambda: not is_alive(gateway.master_pid))
    return workers


def test_start_waits_for_the_port_that_workers_of_a_killed_master_still_hold(gateway: Gateway, ledger: Ledger) -> None:
    with ThreadPoolExecutor(3) as threads:
        sent = Requests(gateway, ledger, threads)
        idle = kept_connection(gateway)
        held_up = [psutil.Process(pid) for pid in gateway.worker_pids()]
        for worker in held_up:
            worker.suspend()
        kill_master(gateway)
        start = threads.submit(gateway.start)
        try:
            wait_until(
                "it waits or ends", lambda: start.done() or f"127.0.0.1:{gateway.port} {WAITS}" in gateway.stderr_text()
            )
        finally:
            for worker in held_up:
                worker.resume()
        start.result()
        assert b'"upstream_incomplete"' in sent.stream.result()
        assert sent.stream.result().endswith(b"data: [DONE]\n\n")
        assert sent.whole.result() == b""
        with idle:
            assert idle.recv(65_536) == b"", "it asked nothing"
    wait_until("no row stays open", lambda: not ledger.open_rows())
    assert sorted(ledger.statuses(sent.rows)) == ["failed", "interrupted"]
    assert {ledger.row(row_id).error_code for row_id in sent.rows} == {"worker_lost"}
    assert sent.used() == 1, "the stream had output"
    assert gateway.stderr_text().count(WAITS) == 1
    assert "Traceback" not in gateway.stderr_text()


def test_workers_of_a_killed_master_give_the_port_up_before_they_close_their_rows(
    gateway: Gateway, ledger: Ledger
) -> None:
    with ThreadPoolExecutor(2) as threads:
        sent = Requests(gateway, ledger, threads)
        path = gateway.database_url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # what closes a row must wait
            workers = kill_master(gateway)
            wait_until("nobody listens", lambda: not any(map(listens, workers)), timeout_s=5)
            assert any(map(is_alive, workers)), "their rows are open still"
            gateway.start()
            assert sorted(ledger.statuses(sent.rows)) == ["open", "started"]
        wait_until("no row stays open", lambda: not ledger.open_rows(), timeout_s=20)
        wait_until("they have ended", lambda: not any(map(is_alive, workers)))
    assert sorted(ledger.statuses(sent.rows)) == ["failed", "interrupted"]
    assert {ledger.row(row_id).error_code for row_id in sent.rows} == {"worker_lost"}
    assert sent.used() == 1
    assert "Traceback" not in gateway.stderr_text()


def test_worker_of_a_killed_master_does_not_load_on_and_hold_the_port(gateway: Gateway, processes: Processes) -> None:
    gateway.stop()
    master = processes.start([str(PROGRAMS / "gunicorn"), "wsgi:app"], cwd=gateway.root, env=gateway.env)
    try:

        def loading() -> list[psutil.Process]:
            return [child for child in psutil.Process(master.pid).children() if child.cpu_times().user > 0.05]

        [worker, *_] = wait_until("a worker loads", loading)
        worker.suspend()  # of itself it can do nothing
        master.kill()
        wait_until("it is dead", lambda: not is_alive(worker.pid))
    finally:
        processes.stop(master)
