"""A chat request as it goes to an upstream of the same dialect."""

from __future__ import annotations

from typing import Any

import pytest

from blueprints.api_v1.translation.chat_request import asked_effort, to_upstream_chat

MESSAGES = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}]


def sent(body: dict[str, Any], **options: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {"model": "m", "stream": False, "effort": None, "max_output_tokens": None, **options}
    return to_upstream_chat({"messages": MESSAGES, **body}, **asked)


def test_conf_026_chat_developer_to_system() -> None:
    assert [message["role"] for message in sent({})["messages"]] == ["system", "user"]


def test_openai_itself_gets_the_developer_message_as_it_is() -> None:
    assert sent({}, knows_developer=True)["messages"] == MESSAGES


def test_unknown_fields_go_on_and_the_clients_private_ones_do_not() -> None:
    request = sent({"top_k": 7, "client_metadata": {"cwd": "/home/me"}, "seed": None})
    assert request["top_k"] == 7
    assert "client_metadata" not in request
    assert "seed" not in request


def test_conf_018_chat_empty_tools_dropped_with_tool_choice_and_parallel_flag() -> None:
    request = sent({"tools": [], "tool_choice": "auto", "parallel_tool_calls": True})
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(request)


def test_conf_013_stream_always_asks_for_usage() -> None:
    request = sent({"stream": True, "stream_options": {"include_obfuscation": True}}, stream=True)
    assert request["stream_options"] == {"include_usage": True}


def test_profiles_effort_replaces_every_way_of_asking_for_one() -> None:
    request = sent({"reasoning_effort": "max", "reasoning": {"effort": "max"}, "thinking": {}}, effort="low")
    assert request["reasoning_effort"] == "low"
    assert not {"reasoning", "thinking"} & set(request)


@pytest.mark.parametrize(
    ("body", "name", "value"),
    [
        ({}, "max_tokens", 100),
        ({"max_tokens": 7}, "max_tokens", 7),
        ({"max_tokens": 700}, "max_tokens", 100),
        ({"max_completion_tokens": 700, "max_tokens": 3}, "max_completion_tokens", 100),
    ],
)
def test_profiles_output_limit_is_a_ceiling(body: dict[str, Any], name: str, value: int) -> None:
    request = sent(body, max_output_tokens=100)
    assert request[name] == value
    assert len({"max_tokens", "max_completion_tokens"} & set(request)) == 1


def test_depth_asked_for_is_found_in_either_form() -> None:
    assert asked_effort({"reasoning_effort": "low"}) == "low"
    assert asked_effort({"reasoning": {"effort": "high"}}) == "high"
    assert asked_effort({}) is None
