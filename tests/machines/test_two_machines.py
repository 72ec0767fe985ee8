"""Two machines on one database are one service: whatever was done on one holds on the other at once."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from tests.accounts.test_two_workers import Browser
from tests.harness.processes import wait_until
from tests.machines.clients import WHOLE, used
from tests.machines.conftest import Pair
from tests.machines.machine import Machine
from tests.responses.client import Responses

SLOW = "[[tokens 400]] [[pace 50]]"
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
PASSWORD = "correct horse battery"


def ask(api: str, token: str, body: Any = WHOLE) -> requests.Response:
    return requests.post(f"{api}/chat/completions", json=body, headers={"Authorization": f"Bearer {token}"}, timeout=60)


def requests_served(machine: Machine, path: str) -> int:
    return sum(line.get("path") == path for line in machine.log_lines())


def test_quota_is_exact_under_parallel_requests_to_both(pair: Pair) -> None:
    account = pair.one.account(plan="forty")
    before = [requests_served(machine, "/v1/chat/completions") for machine in (pair.one, pair.two)]
    with ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(lambda _: ask(pair.nginx.api, account["token"]), range(120)))
    assert sorted({answer.status_code for answer in answers}) == [200, 429]
    assert sum(answer.status_code == 200 for answer in answers) == 40
    assert used(pair.one.api, account["token"]) == used(pair.two.api, account["token"]) == 40
    after = [requests_served(machine, "/v1/chat/completions") for machine in (pair.one, pair.two)]
    assert min(now - then for now, then in zip(after, before, strict=True)) >= 40, "both took part"


def test_token_regenerated_on_one_is_refused_on_the_other_at_once(pair: Pair) -> None:
    account = pair.one.account()
    assert ask(pair.two.api, account["token"]).status_code == 200
    done = pair.one.flask("accounts", "token", account["email"], "--regenerate", "--json")
    assert done.returncode == 0, done.stderr
    refused = ask(pair.two.api, account["token"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_api_key")


def test_stored_response_is_found_continued_and_deleted_from_the_other(pair: Pair) -> None:
    token = pair.one.account()["token"]
    here, there = Responses(pair.one, token, "smart-route-mini"), Responses(pair.two, token, "smart-route-mini")
    first = here.create("remember blue")
    assert there.get(first["id"]).json() == first
    second = there.create("and now?", previous_response_id=first["id"])
    assert second["previous_response_id"] == first["id"]
    assert here.get(second["id"]).status_code == 200
    assert there.delete(first["id"]).status_code == 200
    assert here.get(first["id"]).status_code == 404


def test_running_response_is_cancelled_from_the_other(pair: Pair) -> None:
    token = pair.one.account()["token"]
    here, there = Responses(pair.one, token, "smart-route-mini"), Responses(pair.two, token, "smart-route-mini")
    stream = here.stream(SLOW, store=True)
    stream.wait_for("response.output_text.delta")
    assert there.get(stream.id).json()["status"] == "in_progress"
    assert there.cancel(stream.id).json()["status"] == "cancelled"
    stream.read(timeout_s=10)
    assert stream.events[-1]["response"]["status"] == "cancelled"


def test_continuation_is_claimed_once_across_machines(pair: Pair) -> None:
    token = pair.one.account()["token"]
    question: list[dict[str, Any]] = [{"role": "user", "content": "[[tool f {}]]"}]
    called = ask(pair.one.api, token, {"messages": question, "tools": [TOOL]}).json()["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "4"} for call in called["tool_calls"]]
    body = {"messages": [*question, called, *results], "tools": [TOOL]}
    apis = [pair.one.api, pair.two.api] * 5
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda api: ask(api, token, body), apis))
    assert [answer.status_code for answer in answers] == [200] * 10
    assert used(pair.one.api, token) == 1 + 9, "one of the ten continues the turn"


def test_sign_in_on_one_holds_on_the_other(pair: Pair) -> None:
    browser, elsewhere = Browser(pair.one), Browser(pair.two)
    assert browser.send("/sign-up", email="both@example.org", password=PASSWORD).status_code == 303
    elsewhere.session = browser.session  # the same person's browser: nginx led it to the other machine
    assert elsewhere.is_signed_in()
    assert elsewhere.send("/account", "/sign-out").status_code == 303
    assert not browser.is_signed_in()


def ask_until_cut(api: str, token: str, content: str) -> None:
    """Read a stream that is not expected to end."""
    body = {"stream": True, "messages": [{"role": "user", "content": content}]}
    with contextlib.suppress(requests.RequestException):
        ask(api, token, body)


def test_rows_of_a_killed_machine_are_closed_by_the_other(pair: Pair) -> None:
    token = pair.one.account()["token"]
    with ThreadPoolExecutor(2) as pool:
        for content in ("[[tokens 400]] [[pace 200]]", "[[delay 100]]"):
            pool.submit(ask_until_cut, pair.two.api, token, content)
        wait_until("both are counted", lambda: used(pair.one.api, token) == 2)
        time.sleep(1)  # the one that talks has had its first output
        pair.two.kill9_all()
        try:
            closed = "the one without output is given back"
            wait_until(closed, lambda: used(pair.one.api, token) == 1, timeout_s=90)
        finally:
            pair.two.start()
