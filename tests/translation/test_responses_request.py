"""The fields of a Responses request on their way to a chat upstream."""

from __future__ import annotations

from typing import Any

import pytest

from blueprints.api_v1.errors import InvalidRequest
from blueprints.api_v1.translation.responses_capabilities import Capabilities
from blueprints.api_v1.translation.responses_request import (
    Asked,
    asked_responses_effort,
    check_responses_request,
    read_request,
    to_upstream_chat,
)
from tests.translation.responses_machine import PATCH_TOOL, function


def asked(body: dict[str, Any]) -> Asked:
    return read_request({"input": "Hi", **body}, history=[], open_sealed=lambda _: None, lookup=lambda _: None)


def sent(
    *, stream: bool = False, effort: str | None = None, ceiling: int | None = None, can: Capabilities | None = None,
    **body: Any,
) -> dict[str, Any]:  # fmt: skip
    """What of a request goes to the upstream beside its model and messages."""
    request = to_upstream_chat(
        asked(body), model="up", stream=stream, effort=effort, max_output_tokens=ceiling,
        capabilities=can or Capabilities(), call_extras=lambda _: None,
    )  # fmt: skip
    assert request.pop("model") == "up"
    assert request.pop("messages")
    return request


def test_bare_request_is_model_and_messages_alone() -> None:
    assert sent(model="smart-route") == {}


def test_stream_asks_for_usage() -> None:
    assert sent(stream=True) == {"stream": True, "stream_options": {"include_usage": True}}


def test_fields_with_the_same_name_and_unknown_ones_go_on() -> None:
    body: dict[str, Any] = {
        "temperature": 0.5, "top_p": 0.9, "presence_penalty": 1, "frequency_penalty": -1, "service_tier": "flex",
        "user": "u", "safety_identifier": "s", "prompt_cache_key": "k", "top_k": 7, "chat_template_kwargs": {"a": 1},
    }  # fmt: skip
    assert sent(**body) == body
    assert sent(temperature=None, top_k=None) == {}


def test_what_chat_does_not_know_stays_here() -> None:
    body: dict[str, Any] = {
        "store": False, "metadata": {"a": "b"}, "truncation": "auto", "previous_response_id": "resp_0",
        "client_metadata": {"workspace": "secret"}, "max_tool_calls": 3, "include": ["reasoning.encrypted_content"],
        "prompt_cache_retention": "24h", "context_management": [], "stream_options": {"include_obfuscation": False},
        "thinking": {"type": "enabled"}, "enable_thinking": True, "reasoning_effort": "max", "background": False,
        "messages": [{"role": "user", "content": "smuggled"}], "n": 5,
        "internal_chat_message_metadata_passthrough": {}, "reasoning": {"effort": "high", "summary": "auto"},
    }  # fmt: skip
    assert sent(**body) == {}


def test_effort_is_the_callers() -> None:
    assert sent(effort="low", reasoning={"effort": "high"}) == {"reasoning_effort": "low"}


@pytest.mark.parametrize(
    ("body", "ceiling", "limit"),
    [
        ({"max_output_tokens": 50}, None, 50),
        ({"max_output_tokens": 50}, 20, 20),
        ({"max_output_tokens": 10}, 20, 10),
        ({}, 20, 20),
        ({"max_tokens": 99, "max_completion_tokens": 98}, 20, 20),
    ],
)
def test_output_limit_is_the_lower_one(body: dict[str, Any], ceiling: int | None, limit: int) -> None:
    assert sent(ceiling=ceiling, **body) == {"max_tokens": limit}
    can = Capabilities(max_tokens_field="max_completion_tokens")
    assert sent(ceiling=ceiling, can=can, **body) == {"max_completion_tokens": limit}


def test_structured_output_is_nested_as_chat_wants_it() -> None:
    form = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True, "extra": 1}
    assert sent(text={"format": form, "verbosity": "low"}) == {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
        },
        "verbosity": "low",
    }
    assert sent(text={"format": {"type": "json_object"}}) == {"response_format": {"type": "json_object"}}
    assert sent(text={"format": {"type": "text"}}) == {}


def test_probabilities_are_asked_for_in_chats_way() -> None:
    assert sent(include=["message.output_text.logprobs"]) == {"logprobs": True}
    assert sent(top_logprobs=3) == {"logprobs": True, "top_logprobs": 3}
    assert sent(top_logprobs=0) == {}


def test_tools_go_with_choice_and_parallel_flag() -> None:
    found = sent(tools=[function("look", strict=True)], tool_choice="auto", parallel_tool_calls=False)
    assert found == {
        "tools": [
            {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
    }
    strict = sent(tools=[function("look", strict=True)], can=Capabilities(strict_tools=True))
    assert strict["tools"][0]["function"]["strict"] is True


@pytest.mark.parametrize("tools", [[], None, [{"type": "web_search"}]])
def test_no_tool_left_drops_choice_and_parallel_flag(tools: list[Any] | None) -> None:
    assert sent(tools=tools, tool_choice="auto", parallel_tool_calls=False) == {}


def test_allowed_tools_are_the_only_ones_sent() -> None:
    choice = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "custom", "name": "apply_patch"}]}
    found = sent(tools=[function("look"), PATCH_TOOL], tool_choice=choice)
    assert [tool["function"]["name"] for tool in found["tools"]] == ["apply_patch"]
    assert found["tool_choice"] == "required"


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "look"}])
def test_choice_that_an_upstream_cannot_be_forced_to_is_auto(choice: Any) -> None:
    found = sent(tools=[function("look")], tool_choice=choice, can=Capabilities(forced_choice=False))
    assert found["tool_choice"] == "auto"


def test_left_out_tools_are_noted_for_the_log() -> None:
    assert asked({"tools": [{"type": "web_search"}, function("look")]}).notes == ("left out the tool type web_search",)


def test_settings_inside_the_input_win() -> None:
    items = [
        {"role": "user", "content": "Hi"},
        {"type": "configuration_update", "reasoning": {"effort": "low"}, "text": {"verbosity": "high"}},
        {"type": "configuration_update", "reasoning": {"effort": "medium"}},
    ]
    body: dict[str, Any] = {"input": items, "reasoning": {"effort": "high", "summary": "auto"}}
    assert asked_responses_effort(body) == "medium"
    assert asked(body).body["reasoning"] == {"effort": "medium", "summary": "auto"}
    assert sent(**body) == {"verbosity": "high"}
    assert body["reasoning"] == {"effort": "high", "summary": "auto"}, "the client's body stays as it came"


@pytest.mark.parametrize("body", [{}, {"input": "Hi", "reasoning": None}, {"input": [5], "reasoning": {}}])
def test_no_effort_asked_for_is_none(body: dict[str, Any]) -> None:
    assert asked_responses_effort(body) is None


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"conversation": "conv_1"}, "unsupported_parameter", "conversation"),
        ({"conversation": {"id": "c"}, "previous_response_id": "r"}, "unsupported_parameter", "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "unsupported_parameter", "prompt"),
        ({"background": True}, "unsupported_parameter", "background"),
        ({"include": ["reasoning.encrypted_content", "all"]}, "invalid_value", "include[1]"),
        ({"input": None}, "missing_required_parameter", "input"),
        ({"text": {"format": {"type": "yaml"}}}, "invalid_value", "text.format.type"),
        ({"text": {"format": {"type": "json_schema"}}}, "missing_required_parameter", "text.format.name"),
        ({"text": {"format": {"type": "json_schema", "name": "n", "schema": 1}}}, "invalid_type", "text.format.schema"),
    ],
)
def test_request_that_cannot_be_served_is_refused_by_field(body: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        check_responses_request({"input": "Hi", **body})
    assert (raised.value.code, raised.value.param) == (code, param)


def test_input_may_be_missing_after_a_previous_response() -> None:
    check_responses_request({"previous_response_id": "resp_0"})


def test_request_without_anything_to_say_is_refused() -> None:
    with pytest.raises(InvalidRequest) as raised:
        asked({"input": []})
    assert raised.value.param == "input"


def test_forced_tool_that_was_left_out_is_refused_before_any_upstream() -> None:
    with pytest.raises(InvalidRequest) as raised:
        asked({"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}})
    assert (raised.value.code, raised.value.param) == ("unsupported_value", "tool_choice")
