"""POST chat/completions, answered whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.client import Api, assert_tells_nothing, error_of
from tests.harness.demo import Demo


def sent(demo: Demo) -> dict[str, Any]:
    """What the upstream was asked last."""
    newest: dict[str, Any] = demo.requests()[-1]
    return newest


def test_answer_names_the_alias_and_has_every_key(api: Api) -> None:
    http_response = api.chat("[[reply Good morning]]", model="plain")
    answer = http_response.json()
    assert http_response.status_code == 200
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "plain"
    assert answer["id"].startswith("chatcmpl-")
    [choice] = answer["choices"]
    assert choice["message"] == {"role": "assistant", "content": "Good morning", "refusal": None}
    assert (choice["index"], choice["finish_reason"], choice["logprobs"]) == (0, "stop", None)
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]
    assert_tells_nothing(http_response)


def test_row_tells_tokens_times_upstream_and_cost(api: Api) -> None:
    http_response = api.chat("[[reply one two three]] [[delay 0.05]]", model="plain")
    row = api.row(http_response.headers["x-request-id"])
    counts = http_response.json()["usage"]
    assert (row["status"], row["counted"], row["reason"]) == ("completed", 1, "output")
    assert (row["prompt_tokens"], row["completion_tokens"]) == (counts["prompt_tokens"], counts["completion_tokens"])
    assert (row["upstream"], row["upstream_model"], row["attempts"]) == ("east", "demo-model", 1)
    assert (row["alias_asked"], row["alias_served"], row["endpoint"]) == ("plain", "plain", "chat/completions")
    assert 40 <= row["first_output_ms"] <= row["duration_ms"] < 2000
    assert row["cost"] == pytest.approx((counts["prompt_tokens"] + 2 * counts["completion_tokens"]) / 1e6)
    assert not row["tokens_estimated"]


def test_what_the_client_sent_goes_on_untouched_but_for_what_the_gateway_owns(api: Api, demo: Demo) -> None:
    fields: dict[str, Any] = {
        "temperature": 0.3,
        "top_k": 40,
        "never_heard_of": {"deep": [1, None, {"x": "\u2028"}]},
        "response_format": {"type": "json_object"},
        "verbosity": "low",
        "logit_bias": {"50256": -100},
        "metadata": {"a": "b"},
        "user": None,
        "client_metadata": {"machine": "mine"},
        "internal_chat_message_metadata_passthrough": "x",
        "stream_options": {"include_usage": True},
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "max"},
        "enable_thinking": True,
    }
    assert api.chat("untouched", model="plain", **fields).status_code == 200
    owned = {"user", "client_metadata", "internal_chat_message_metadata_passthrough", "stream_options", "tools"}
    owned |= {"tool_choice", "parallel_tool_calls", "reasoning", "enable_thinking"}
    expected = {name: value for name, value in fields.items() if name not in owned}
    expected |= {"reasoning_effort": "high"}  # what was asked for, as far as the route knows it
    expected |= {"model": "demo-model", "messages": [{"role": "user", "content": "untouched"}]}
    assert sent(demo)["body"] == expected


def test_nothing_of_the_clients_headers_goes_upstream(api: Api, demo: Demo) -> None:
    headers = {"X-Mine": "secret", "Cookie": "a=b", "User-Agent": "agent/1", "X-Forwarded-For": "1.2.3.4"}
    api.session.post(
        f"{api.url}/chat/completions",
        json={"model": "plain", "messages": [{"role": "user", "content": "x"}]},
        headers=headers,
        timeout=5,
    )
    got = sent(demo)["headers"]
    allowed = {"host", "content-type", "content-length", "accept", "accept-encoding", "user-agent", "authorization"}
    assert got.keys() <= allowed
    assert got["authorization"] == "Bearer demo-key-4711"
    assert got["user-agent"] == "smart-route"
    assert api.newest_row()["client_name"] == "agent/1"


def test_the_newer_of_two_names_for_the_same_limit_wins(api: Api, demo: Demo) -> None:
    api.chat("x", model="plain", max_tokens=9, max_completion_tokens=7)
    assert "max_tokens" not in sent(demo)["body"]
    assert sent(demo)["body"]["max_completion_tokens"] == 7


def test_profile_caps_output_and_reasoning_effort(api: Api, demo: Demo) -> None:
    api.chat("x", model="capped", reasoning_effort="high", max_tokens=100)
    assert (sent(demo)["body"]["reasoning_effort"], sent(demo)["body"]["max_tokens"]) == ("low", 3)
    api.chat("x", model="capped", max_completion_tokens=2)
    assert sent(demo)["body"]["max_completion_tokens"] == 2
    api.chat("x", model="capped")
    assert sent(demo)["body"]["max_tokens"] == 3


def test_tool_calls_have_ids_of_our_own_and_their_results_lead_on(api: Api) -> None:
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
    words = '[[tool get_weather {"city": "Paris"}]] [[tool get_weather {"city": "Rome"}]]'
    message = api.chat(words, model="plain", tools=tools).json()["choices"][0]["message"]
    calls = message["tool_calls"]
    assert [json.loads(call["function"]["arguments"])["city"] for call in calls] == ["Paris", "Rome"]
    assert len({call["id"] for call in calls}) == 2
    assert all(call["id"].startswith("call_") and "demo" not in call["id"] for call in calls)
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "sunny"} for call in calls]
    messages = [{"role": "user", "content": words}, message, *results]
    answer = api.session.post(
        f"{api.url}/chat/completions", json={"model": "plain", "messages": messages, "tools": tools}, timeout=5
    ).json()
    assert "sunny" in answer["choices"][0]["message"]["content"]


@pytest.mark.parametrize("style", ["reasoning_content", "reasoning", "details", "parts"])
def test_reasoning_has_one_name(api: Api, style: str) -> None:
    words = f"[[reasoning I add the two]] [[reasoning-as {style}]] [[reply four]]"
    message = api.chat(words, model="plain").json()["choices"][0]["message"]
    assert message["reasoning_content"].strip() == "I add the two"
    assert message["content"] == "four"
    assert message.keys() <= {"role", "content", "refusal", "reasoning_content"}


def test_choices_logprobs_refusals_and_custom_calls_pass(api: Api) -> None:
    answer = api.chat("[[reply a b]]", model="plain", n=3, logprobs=True, top_logprobs=2).json()
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert all(choice["logprobs"]["content"] for choice in answer["choices"])
    refused = api.chat("[[refusal I would rather not]]", model="plain").json()["choices"][0]["message"]
    assert refused["refusal"] == "I would rather not"
    words = '[[custom apply_patch "*** Begin Patch\\n"]]'
    tools = [{"type": "custom", "custom": {"name": "apply_patch"}}]
    [call] = api.chat(words, model="plain", tools=tools).json()["choices"][0]["message"]["tool_calls"]
    assert (call["type"], call["custom"]["input"]) == ("custom", "*** Begin Patch\n")


@pytest.mark.parametrize("usage", ["missing", "bare", "float"])
def test_usage_is_always_there_and_always_whole_numbers(api: Api, usage: str) -> None:
    http_response = api.chat(f"[[reply one two three four]] [[usage {usage}]]", model="plain")
    counts = http_response.json()["usage"]
    assert all(type(counts[key]) is int for key in ("prompt_tokens", "completion_tokens", "total_tokens"))
    assert counts["total_tokens"] == counts["prompt_tokens"] + counts["completion_tokens"] > 0
    assert bool(api.row(http_response.headers["x-request-id"])["tokens_estimated"]) == (usage == "missing")


def test_answer_without_length_or_chunks_is_read_to_its_end(api: Api) -> None:
    answer = api.chat("[[reply to the end]] [[unchunked]]", model="plain").json()
    assert answer["choices"][0]["message"]["content"] == "to the end"


def test_alias_decides_who_serves(api: Api, small: Api) -> None:
    assert api.chat("x", model="pair").json()["model"] == "pair"
    assert small.chat("x", model="pair").json()["model"] == "plain"  # above the plan: served by its own
    assert small.chat("x").json()["model"] == "plain"
    assert small.chat("x", model=None).json()["model"] == "plain"
    unknown = small.chat("x", model="demo-model")
    error = unknown.json()["error"]
    assert (unknown.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert error["message"].endswith("Your plan may use: plain.")


def test_headers_tell_the_window_with_fewer_prompts_left(api: Api, small: Api) -> None:
    headers = small.chat("x").headers
    assert headers["x-ratelimit-limit-requests"] == "5"
    assert headers["x-ratelimit-remaining-requests"] == "4"
    assert headers["x-smartroute-month-remaining"] == "49"
    assert [name for name in api.chat("x", model="plain").headers if name.startswith("x-ratelimit")] == []


def test_used_up_quota_is_told_with_figures_and_the_time_to_wait(small: Api) -> None:
    assert [small.chat("x").status_code for _ in range(6)] == [200] * 5 + [429]
    http_response = small.chat("x")
    error = error_of(http_response)
    assert (error["type"], error["code"]) == ("usage_limit_reached", "insufficient_quota")
    assert "5 of 5 today, 5 of 50 this month" in error["message"]
    assert "/plans" in error["message"]
    assert http_response.headers["x-should-retry"] == "false"
    assert 0 < int(http_response.headers["Retry-After"]) <= 86_400
    assert small.session.get(f"{small.url}/usage", timeout=5).json()["day"]["left"] == 0
