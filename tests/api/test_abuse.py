"""Requests that cost their sender little and would cost a worker much."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import pytest
import requests

from blueprints.api_v1.body import json_object
from blueprints.api_v1.errors import InvalidRequest
from tests.api.client import Api, error_of


def send(api: Api, body: bytes, path: str = "chat/completions", **headers: str) -> requests.Response:
    told = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/json", **headers}
    return requests.post(f"{api.url}/{path}", data=body, headers=told, timeout=30)


def test_gzip_of_very_many_members_is_refused_quickly(api: Api) -> None:
    body = gzip.compress(b"", mtime=0) * 20_000 + gzip.compress(b"{}")
    started = time.monotonic()
    answer = send(api, body, **{"Content-Encoding": "gzip"})
    assert (answer.status_code, error_of(answer)["code"]) == (400, "invalid_value")
    assert time.monotonic() - started < 5


def test_body_of_very_many_objects_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="more than 1,000,000 objects"):
        json_object(b'{"messages":[' + b"{}," * 1_000_000 + b"{}]}")


@pytest.mark.parametrize("kind", [["message"], {"a": 1}, 5])
def test_item_with_a_type_that_is_no_text_is_a_bad_request(api: Api, kind: object) -> None:
    answer = send(api, json.dumps({"input": [{"type": kind, "role": "user", "content": "a"}]}).encode(), "responses")
    assert (answer.status_code, error_of(answer)["param"]) == (400, "input[0].type")


def test_more_references_than_can_be_looked_up_are_refused(api: Api) -> None:
    items = [{"type": "item_reference", "id": "msg_1"}] * 300
    answer = send(api, json.dumps({"input": items}).encode(), "responses")
    assert (answer.status_code, error_of(answer)["code"]) == (400, "array_above_max_length")


def test_output_of_an_unknown_kind_continues_no_turn(api: Api) -> None:
    tools = [{"type": "function", "name": "f", "parameters": {"type": "object"}}]
    made = send(api, json.dumps({"model": "plain", "input": "[[tool f {}]]", "tools": tools}).encode(), "responses")
    [call] = [item for item in made.json()["output"] if item["type"] == "function_call"]
    used = api.session.get(f"{api.url}/usage", timeout=5).json()["day"]["used"]
    items = [{"role": "user", "content": "something new"}, {"type": "whatever_output", "call_id": call["call_id"]}]
    send(api, json.dumps({"model": "plain", "input": items}).encode(), "responses")
    assert api.session.get(f"{api.url}/usage", timeout=5).json()["day"]["used"] == used + 1


def test_fields_that_would_choose_another_model_do_not_reach_the_upstream(api: Api) -> None:
    extra: dict[str, Any] = {
        "models": ["big"],
        "provider": {"order": ["x"]},
        "route": "fallback",
        "plugins": [],
        "thinking_budget": 9,
    }
    answer = api.chat("[[echo]]", model="plain", **extra)
    sent = json.loads(answer.json()["choices"][0]["message"]["content"])["body"]
    assert not set(extra) & set(sent)
