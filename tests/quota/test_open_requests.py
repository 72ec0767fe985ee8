"""A plan may limit how many requests of an account are under way at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.conftest import DATABASES
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway

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
open_requests = 3
"""


@pytest.mark.parametrize("database", DATABASES)
def test_more_requests_at_once_than_the_plan_allows_are_refused_and_not_counted(
    gateway_factory: Callable[..., Gateway], demo: Demo, database: str
) -> None:
    gateway = gateway_factory(database, workers=2, config=CONFIG.format(demo=demo.base_url))
    token = gateway.account()["token"]

    def ask(_: int) -> requests.Response:
        body = {"messages": [{"role": "user", "content": "[[delay 1]]"}]}
        headers = {"Authorization": f"Bearer {token}"}
        return requests.post(f"{gateway.api}/chat/completions", json=body, headers=headers, timeout=20)

    with ThreadPoolExecutor(10) as crowd:
        answers = list(crowd.map(ask, range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 7
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["Retry-After"] == "1"
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert ask(0).status_code == 200  # nothing stays open
    usage = requests.get(f"{gateway.api}/usage", headers={"Authorization": f"Bearer {token}"}, timeout=20).json()
    assert usage["day"]["used"] == 4
