"""What Codex is told of the quota, and the estimate of a request's size, which counts nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import requests

from tests.harness.gateway import Gateway
from tests.responses.client import Responses, user


@pytest.fixture
def small(responses_gateway: Gateway) -> Responses:
    """An account with three prompts a day and fifty a month."""
    return Responses(responses_gateway, responses_gateway.account(plan="small")["token"])


def codex(http_response: requests.Response) -> dict[str, str]:
    """The headers for Codex, by the end of their names."""
    return {
        name.removeprefix("x-codex-"): value
        for name, value in ((name.lower(), value) for name, value in http_response.headers.items())
        if name.startswith("x-codex-")
    }


def test_every_answer_tells_codex_what_is_used_of_day_and_month(small: Responses) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    month = today.replace(day=1)
    next_month = (month + timedelta(days=32)).replace(day=1)
    first = small.post(input="one")
    assert codex(first) == {
        "primary-used-percent": "33.3",
        "primary-window-minutes": "1440",
        "primary-reset-at": str(int((today + timedelta(days=1)).timestamp())),
        "secondary-used-percent": "2",
        "secondary-window-minutes": str(int((next_month - month).total_seconds()) // 60),
        "secondary-reset-at": str(int(next_month.timestamp())),
    }
    made = first.json()["id"]
    for told in (small.get(made), small.get(made, "/input_items"), small.post("/input_tokens", input="one")):
        assert codex(told) == codex(first)
    stream = small.stream("two")
    stream.read()
    assert codex(stream.http_response)["primary-used-percent"] == "66.7"
    assert codex(small.post("/compact", input="three"))["primary-used-percent"] == "100"
    assert codex(small.delete(made))["primary-used-percent"] == "100"
    for refused in (small.post(input="four"), small.post("/compact", input="four"), small.post(input="x", stream=True)):
        assert refused.status_code == 429
        assert codex(refused)["primary-used-percent"] == "100"
        assert codex(refused)["secondary-used-percent"] == "6"
        assert refused.json()["error"]["type"] == "usage_limit_reached"


def test_pages_of_other_sites_may_read_all_that_an_answer_tells(small: Responses) -> None:
    def hidden(told: requests.Response) -> set[str]:
        exposed = {name.strip() for name in told.headers["access-control-expose-headers"].split(",")}
        ours = {name.lower() for name in told.headers if name.lower().startswith(("x-", "retry-"))}
        return ours - exposed - {"x-content-type-options", "x-accel-buffering", "x-frame-options"}

    answers = [small.post(input=text) for text in ("one", "two", "three", "four")]
    assert answers[-1].headers["x-should-retry"] == "false"
    assert [hidden(told) for told in answers] == [set()] * 4


def test_unlimited_plan_tells_codex_nothing(api: Responses) -> None:
    assert codex(api.post(input="one")) == {}


def test_chat_answers_carry_no_headers_for_codex(small: Responses) -> None:
    body = {"model": "chat", "messages": [{"role": "user", "content": "x"}]}
    http_response = requests.post(
        f"{small.gateway.api}/chat/completions", json=body, headers=small._headers, timeout=10
    )
    assert http_response.status_code == 200
    assert codex(http_response) == {}


def test_input_tokens_are_estimated_and_count_nothing(small: Responses) -> None:
    told = small.post("/input_tokens", input="word " * 400)
    assert told.status_code == 200
    assert told.json()["object"] == "response.input_tokens"
    assert 400 <= told.json()["input_tokens"] <= 600
    assert small.rows("usage_log", request_id=told.headers["x-request-id"]) == []
    assert codex(told)["primary-used-percent"] == "0"


def test_whole_conversation_and_tools_are_estimated(api: Responses) -> None:
    def tokens(**body: object) -> int:
        told = api.post("/input_tokens", **body)
        assert told.status_code == 200, told.text
        return int(told.json()["input_tokens"])

    made = api.create("word " * 400)
    tool = {"type": "function", "name": "look", "description": "a word " * 200, "parameters": {}}
    plain = tokens(input="hello")
    assert tokens(input="hello", previous_response_id=made["id"]) > plain + 400
    assert tokens(input="hello", tools=[tool]) > plain + 200
    assert tokens(input="hello", instructions="word " * 100) > plain + 100


def test_image_is_estimated_by_a_flat_figure(api: Responses) -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 200_000}
    told = api.post("/input_tokens", input=[{"role": "user", "content": [image]}])
    assert 1000 <= told.json()["input_tokens"] < 1100


@pytest.mark.parametrize(
    ("body", "param"),
    [({}, "input"), ({"input": 5}, "input"), ({"input": [user("x")], "model": "gpt-9"}, "model")],
)
def test_estimate_of_a_wrong_request_is_refused(api: Responses, body: dict[str, object], param: str) -> None:
    refused = api.post("/input_tokens", **body)
    assert refused.status_code in (400, 404)
    assert re.match(param, refused.json()["error"]["param"])
