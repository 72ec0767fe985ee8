"""What /metrics counts, over all workers."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.admin.conftest import Person
from tests.harness.gateway import Gateway
from tests.harness.processes import wait_until
from tests.observability.scrape import scrape, total


def ask(gateway: Gateway, token: str, text: str = "Good morning", **more: object) -> requests.Response:
    """Send one prompt over a connection of its own."""
    body = {"messages": [{"role": "user", "content": text}], "model": "smart-route-mini", **more}
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(f"{gateway.api}/chat/completions", json=body, headers=headers, timeout=20)


def test_counts_are_the_sum_over_all_workers_whichever_is_asked(house: Gateway, member: Person) -> None:
    time.sleep(1.5)  # what other tests sent is told by every worker by then
    before = scrape(house)
    for number in range(12):
        assert ask(house, member.token, stream=number % 2 == 0).status_code == 200

    def counted() -> bool:
        now = scrape(house)
        return all(
            total(now, name, **labels) - total(before, name, **labels) == wanted
            for name, labels, wanted in (
                ("smartroute_requests_total", {"endpoint": "chat/completions", "status": "2xx"}, 12),
                ("smartroute_admitted_total", {"alias": "smart-route-mini", "plan": "free", "kind": "prompt"}, 12),
                ("smartroute_answers_total", {"alias": "smart-route-mini", "outcome": "completed"}, 12),
                ("smartroute_first_output_seconds_count", {"alias": "smart-route-mini", "kind": "stream"}, 6),
                ("smartroute_answer_seconds_count", {"alias": "smart-route-mini", "kind": "whole"}, 6),
                ("smartroute_upstream_attempts_total", {"upstream": "east", "outcome": "completed"}, 12),
                ("smartroute_quota_decision_seconds_count", {}, 12),
            )
        )

    wait_until("twelve of everything", counted)
    for _ in range(8):
        assert counted()  # no worker tells another sum


def test_sums_never_go_back_while_many_ask_at_once(house: Gateway, member: Person) -> None:
    def watch(_: int) -> list[float]:
        return [total(scrape(house), "smartroute_requests_total") for _ in range(12)]

    with ThreadPoolExecutor(8) as many:
        watching = [many.submit(watch, number) for number in range(6)]
        sending = [many.submit(ask, house, member.token) for _ in range(30)]
    for each in watching:
        assert each.result() == sorted(each.result())
    assert {each.result().status_code for each in sending} == {200}


def test_attempts_that_failed_are_told_by_upstream_and_outcome(house: Gateway, member: Person) -> None:
    assert ask(house, member.token, model="second").status_code == 200

    def failed() -> float:
        now = scrape(house)
        return total(now, "smartroute_upstream_attempts_total", upstream="gone", outcome="upstream_unavailable")

    wait_until("the failed attempt", lambda: failed() >= 1)


def test_tool_results_count_as_a_continuation(house: Gateway, member: Person) -> None:
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    asked = {"role": "user", "content": "[[tool look {}]]"}
    first = ask(house, member.token, tools=tools, messages=[asked]).json()["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": "seen"}
    assert ask(house, member.token, tools=tools, messages=[asked, first, result]).status_code == 200
    wait_until("a continuation", lambda: total(scrape(house), "smartroute_admitted_total", kind="continuation") == 1)


def test_refusals_are_told_by_their_code(house: Gateway) -> None:
    [person] = house.accounts(1, plan="two")
    answers = [ask(house, person["token"]).status_code for _ in range(3)]
    answers.append(ask(house, "sr_nobody").status_code)
    answers.append(requests.get(f"{house.api}/nothing/here", timeout=10).status_code)
    assert answers == [200, 200, 429, 401, 404]

    def refused(code: str) -> bool:
        return total(scrape(house), "smartroute_refused_total", code=code) >= 1

    wait_until("each code", lambda: all(map(refused, ("insufficient_quota", "invalid_api_key", "unknown_url"))))


def test_failed_answer_after_admission_is_no_refusal(house: Gateway, member: Person) -> None:
    before = total(scrape(house), "smartroute_refused_total")
    assert ask(house, member.token, "[[status 500]]").status_code == 502
    wait_until("a failed answer", lambda: total(scrape(house), "smartroute_answers_total", outcome="failed") >= 1)
    assert total(scrape(house), "smartroute_refused_total") == before


def test_open_streams_rise_and_fall(house: Gateway, member: Person) -> None:
    def open_now() -> float:
        return total(scrape(house), "smartroute_open_attempts", upstream="east", kind="stream")

    slow = threading.Thread(
        target=ask, args=(house, member.token, "[[tokens 8]] [[pace 250]]"), kwargs={"stream": True}
    )
    slow.start()
    wait_until("an open stream", lambda: open_now() == 1)
    slow.join()
    wait_until("no open stream", lambda: open_now() == 0)


def test_tokens_are_those_of_the_answers(house: Gateway, member: Person) -> None:
    before = total(scrape(house), "smartroute_tokens_total", kind="completion")
    usage = ask(house, member.token, "[[tokens 7]]").json()["usage"]
    wait_until(
        "the tokens",
        lambda: (
            total(scrape(house), "smartroute_tokens_total", kind="completion") - before == usage["completion_tokens"]
        ),
    )


def test_routes_and_processes_are_told_before_anything_was_sent_there(house: Gateway) -> None:
    now = scrape(house)
    for state, wanted in (("closed", 2), ("open", 0), ("half_open", 0)):
        assert total(now, "smartroute_breaker_workers", upstream="east", model="spare", state=state) == wanted
    assert total(now, "smartroute_workers") == 2
    assert total(now, "smartroute_build_info") == 1
    wait_until("a lease", lambda: 0 <= total(scrape(house), "smartroute_housekeeping_age_seconds") < 30)


def test_lag_of_an_event_loop_that_stood_still_is_told(house: Gateway) -> None:
    worker = house.worker_pids()[0]
    os.kill(worker, signal.SIGSTOP)
    time.sleep(1.5)
    os.kill(worker, signal.SIGCONT)
    wait_until("the lag", lambda: 0.4 < total(scrape(house), "smartroute_loop_lag_seconds") < 30)
    wait_until("its end", lambda: total(scrape(house), "smartroute_loop_lag_seconds") < 0.4)


def test_openmetrics_is_spoken_where_it_is_asked_for(house: Gateway) -> None:
    accept = "application/openmetrics-text; version=1.0.0, text/plain; q=0.1"
    answer = requests.get(f"{house.url}/metrics", headers={"Accept": accept}, timeout=10)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert {family.name for family in text_string_to_metric_families(answer.text)} >= {
        "smartroute_requests",
        "smartroute_first_output_seconds",
    }


def test_labels_hold_nothing_that_a_client_wrote_and_no_account(house: Gateway, member: Person) -> None:
    requests.request("BREW", f"{house.url}/some/page/of-a-client", headers={"User-Agent": "odd-agent"}, timeout=10)
    ask(house, member.token, model="a-name-that-nobody-has")
    text = requests.get(f"{house.url}/metrics", timeout=10).text
    for secret in ("of-a-client", "odd-agent", "a-name-that", "BREW", member.email, member.token, "example.org"):
        assert secret not in text
    assert set(re.findall(r'endpoint="([^"]*)"', text)) <= {
        "chat/completions", "completions", "responses", "models", "usage", "unknown", "probe", "metrics", "static",
        "admin", "page",
    }  # fmt: skip
