"""The response object: every key always there, nothing of the backend in it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from openai.types.responses import Response

from blueprints.api_v1.translation.responses_object import response_base, usage_from_chat
from tests.translation.responses_machine import NAMESPACE, PATCH_TOOL, checked, end, function, machine, text

# Open Responses (2026-04-24) requires these; OpenAI's own description requires a part of them.
KEYS = {
    "id", "object", "created_at", "completed_at", "status", "incomplete_details", "model", "previous_response_id",
    "instructions", "output", "error", "tools", "tool_choice", "truncation", "parallel_tool_calls", "text", "top_p",
    "presence_penalty", "frequency_penalty", "top_logprobs", "temperature", "reasoning", "usage", "max_output_tokens",
    "max_tool_calls", "store", "background", "service_tier", "metadata", "safety_identifier", "prompt_cache_key",
}  # fmt: skip


def base(**body: Any) -> dict[str, Any]:
    return response_base(body, response_id="resp_1", created_at=5, alias="smart-route")


@pytest.mark.parametrize("finish", ["stop", "length", "content_filter"])
def test_conf_034_resp_object_all_keys(finish: str) -> None:
    told = checked([*text("Hi"), *end(finish)])
    for event in told.events:
        if "response" in event:
            assert set(event["response"]) == KEYS
            Response.model_validate_json(orjson.dumps(event["response"]), strict=True)
            assert (event["response"]["usage"] is None) == (event["response"]["status"] == "in_progress")


def test_conf_035_resp_defaults() -> None:
    found = base()
    assert {key: found[key] for key in ("temperature", "top_p", "presence_penalty", "frequency_penalty")} == {
        "temperature": 1.0,
        "top_p": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
    }
    assert found["text"] == {"format": {"type": "text"}}
    assert found["reasoning"] == {"effort": None, "summary": None}
    assert (found["tool_choice"], found["tools"], found["metadata"]) == ("auto", [], {})
    assert (found["store"], found["background"], found["parallel_tool_calls"]) == (True, False, True)
    assert (found["truncation"], found["service_tier"], found["top_logprobs"]) == ("disabled", "default", 0)


def test_conf_035_echo_of_tools_incl_namespace_and_custom() -> None:
    tools = [{"type": "function", "name": "look"}, NAMESPACE, PATCH_TOOL, {"type": "web_search"}]
    assert base(tools=tools)["tools"] == [
        {"type": "function", "name": "look", "description": None, "parameters": None, "strict": None},
        NAMESPACE,
        PATCH_TOOL,
        {"type": "web_search"},
    ]


def test_what_the_client_asked_for_is_told_back() -> None:
    form = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}
    body: dict[str, Any] = {
        "instructions": "Be brief.", "max_output_tokens": 50, "max_tool_calls": 2, "metadata": {"a": "b"},
        "previous_response_id": "resp_0", "prompt_cache_key": "k", "safety_identifier": "s", "store": False,
        "temperature": 0, "top_p": 0.5, "top_logprobs": 3, "parallel_tool_calls": False,
        "tool_choice": {"type": "function", "name": "look"}, "text": {"format": form, "verbosity": "low"},
        "reasoning": {"effort": "low", "summary": "auto"},
    }  # fmt: skip
    found = base(**body, tools=[function("look")])
    assert {key: found[key] for key in body} == body


def test_tools_that_the_schema_does_not_know_are_not_told() -> None:
    assert base(tools=[{"type": "something_new"}, {"type": "shell"}])["tools"] == [{"type": "shell"}]


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("none", "none"),
        ({"type": "shell"}, {"type": "shell"}),
        ({"type": "local_shell"}, "required"),
        ({"type": "namespace", "name": "files"}, "required"),
        ({"type": "function", "function": {"name": "look"}}, {"type": "function", "name": "look"}),
        ({"type": "allowed_tools", "tools": []}, {"type": "allowed_tools", "tools": [], "mode": "auto"}),
    ],
)
def test_choice_is_told_in_a_form_that_the_schema_knows(choice: object, told: object) -> None:
    assert base(tool_choice=choice)["tool_choice"] == told


def test_truncation_is_told_as_it_is_done() -> None:
    assert base(truncation="auto")["truncation"] == "disabled"


def test_conf_036_resp_no_user_key() -> None:
    assert "user" not in base(user="me")


def test_conf_036_integers_only() -> None:
    told = usage_from_chat({"prompt_tokens": 1.0, "completion_tokens": 2.0, "total_tokens": 3.0})
    assert told is not None
    assert b"." not in orjson.dumps(told[0])


@pytest.mark.parametrize("told", [None, {}, {"total_tokens": 5}, {"prompt_tokens": "many"}, 7])
def test_usage_without_counts_is_none(told: object) -> None:
    assert usage_from_chat(told) is None


def test_usage_that_nobody_told_has_all_its_keys() -> None:
    translator = machine()
    translator.feed(text("Hi"))
    assert translator.final_object()["usage"] == {
        "input_tokens": 0,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 0,
    }
