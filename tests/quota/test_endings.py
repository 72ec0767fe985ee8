"""How a request ends, and what it costs then: clients that leave, tokens that change, storage that is away."""

from __future__ import annotations

import itertools
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from typing import Any

import requests

from tests.conftest import GatewayFactory, on_upstream
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.mariadb import MariaDB
from tests.harness.processes import Processes, wait_until
from tests.models.ledger import Ledger
from tests.quota.crowd import Crowd


def chat(gateway: Gateway, token: str, prompt: str = "[[tokens 2]]", **more: Any) -> requests.Response:
    return requests.post(
        f"{gateway.api}/chat/completions",
        json={"messages": [{"role": "user", "content": prompt}], **more},
        headers={"Authorization": f"Bearer {token}"},
        stream=bool(more.get("stream")),
        timeout=30,
    )


def used_today(gateway: Gateway, token: str) -> int:
    http_response = requests.get(f"{gateway.api}/usage", headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert http_response.status_code == 200, http_response.text
    return int(http_response.json()["day"]["used"])


def test_client_that_leaves_before_the_first_output_is_charged_nothing(gateway: Gateway) -> None:
    token = gateway.account(plan="free")["token"]
    with Crowd(gateway.api, token) as crowd:
        crowd.send([("[[delay 30]]", True), ("[[delay 30]]", False), ("[[wait 30]]", True), ("[[wait 30]]", False)])
        wait_until("all are admitted", lambda: crowd.go_on() and used_today(gateway, token) == 4)
        crowd.leave()
        wait_until("all are given back", lambda: used_today(gateway, token) == 0, timeout_s=3)


def test_client_that_leaves_after_the_first_output_has_used_its_prompt(gateway: Gateway) -> None:
    token = gateway.account(plan="free")["token"]
    ledger = Ledger(gateway.database_url, make_tables=False)
    with Crowd(gateway.api, token) as crowd:
        crowd.send([("[[tokens 50]] [[silence 30@6]]", True)])
        wait_until("output has come", lambda: crowd.go_on() and crowd.answers[0].has_output)
        crowd.leave()
        wait_until("the row is closed", lambda: not ledger.open_rows(), timeout_s=3)
    assert used_today(gateway, token) == 1
    ledger.close()


def test_twenty_streams_dropped_at_done_are_settled_already(gateway: Gateway) -> None:
    token = gateway.account(plan="free")["token"]
    ledger = Ledger(gateway.database_url, make_tables=False)
    for _ in range(20):
        with chat(gateway, token, stream=True) as http_response:
            for line in http_response.iter_lines():
                if line == b"data: [DONE]":
                    assert ledger.open_rows() == []
                    break
    assert used_today(gateway, token) == 20
    ledger.close()


def test_changed_token_holds_at_once_on_every_worker_and_streams_go_on(gateway: Gateway) -> None:
    account = gateway.account(plan="free")
    old, email = account["token"], account["email"]
    assert [chat(gateway, old).status_code for _ in range(10)] == [200] * 10
    with chat(gateway, old, "[[tokens 200]] [[pace 20]]", stream=True) as running:
        lines = running.iter_lines()
        next(lines)
        done = gateway.flask("accounts", "token", email, "--regenerate", "--json")
        new = json.loads(done.stdout)["token"]
        assert [chat(gateway, old).status_code for _ in range(10)] == [401] * 10
        assert [chat(gateway, new).status_code for _ in range(10)] == [200] * 10
        assert [line for line in lines if line][-1] == b"data: [DONE]"
    assert used_today(gateway, new) == 21  # a new token does not refill the quota
    gateway.flask("accounts", "token", email, "--revoke", "--json")
    assert [chat(gateway, new).status_code for _ in range(10)] == [401] * 10


def test_database_that_goes_away_is_answered_503_and_found_again(processes: Processes, demo: Demo) -> None:
    server = MariaDB(processes)
    with Gateway(processes, database_url=server.create_database(), workers=2, env=on_upstream(demo)) as gateway:
        token = gateway.account(plan="free")["token"]
        assert chat(gateway, token).status_code == 200
        with Crowd(gateway.api, token) as crowd:
            crowd.send([("[[tokens 20]] [[pace 150]]", True)] * 4)
            wait_until("streams run", lambda: crowd.go_on() and all(each.has_output for each in crowd.answers))
            server.stop()
            for _ in range(6):
                refused = chat(gateway, token)
                assert refused.status_code == 503
                assert refused.json()["error"]["code"] == "storage_unavailable"
                assert int(refused.headers["retry-after"]) >= 1
            crowd.wait(20)
            assert all(answer.body.rstrip(b"0\r\n").endswith(b"data: [DONE]") for answer in crowd.answers)
        server.start()
        answers = [chat(gateway, token).status_code for _ in range(10)]
        assert answers == [200] * 10
        ledger = Ledger(gateway.database_url, make_tables=False)
        wait_until("the streams of that time are closed", lambda: not ledger.open_rows(), timeout_s=10)
        assert used_today(gateway, token) == 15 == ledger.counted_of_token(token)
        ledger.close()
    server.stop()


def test_writer_elsewhere_does_not_stop_running_streams(gateway_factory: GatewayFactory) -> None:
    gateway = gateway_factory("sqlite", workers=1)
    token = gateway.account(plan="pro")["token"]
    locked_s, rounds = 0.5, 4
    locks: list[tuple[float, float]] = []
    over = threading.Event()

    def lock_now_and_then() -> None:
        other = sqlite3.connect(gateway.database_url.removeprefix("sqlite:///"), isolation_level=None, timeout=5)
        for _ in range(rounds):
            time.sleep(locked_s)
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            time.sleep(locked_s)
            other.execute("COMMIT")
            locks.append((began, began + locked_s))
        other.close()
        over.set()

    def ask_all_the_time() -> None:
        while not over.is_set():
            assert chat(gateway, token).status_code == 200

    def arrivals(stream: requests.Response) -> Iterator[float]:
        for line in stream.iter_lines(chunk_size=1):
            if line:
                yield time.monotonic()

    writers = [threading.Thread(target=ask_all_the_time) for _ in range(3)]
    locker = threading.Thread(target=lock_now_and_then)
    with chat(gateway, token, "[[tokens 230]] [[pace 20]]", stream=True) as stream:
        times = arrivals(stream)
        next(times)
        for thread in (locker, *writers):
            thread.start()
        seen = list(times)
    for thread in (locker, *writers):
        thread.join()
    gaps = sorted(longest_gap(seen, lock) for lock in locks)
    assert gaps[rounds // 2] < locked_s / 2, gaps


def longest_gap(seen: list[float], lock: tuple[float, float]) -> float:
    """Longest time without an event that begins while the lock is held."""
    return max(after - before for before, after in itertools.pairwise(seen) if lock[0] <= before <= lock[1])


def test_worker_that_ends_in_order_leaves_no_lease(gateway_factory: GatewayFactory) -> None:
    gateway = gateway_factory("sqlite", workers=2)
    token = gateway.account(plan="free")["token"]
    assert chat(gateway, token).status_code == 200
    ledger = Ledger(gateway.database_url, make_tables=False)
    assert len(ledger.owners()) == 2
    gateway.stop()
    assert ledger.owners() == []
    ledger.close()
