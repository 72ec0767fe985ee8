"""A chat request on its way to an upstream that has only Responses."""

from __future__ import annotations

from typing import Any

import pytest

from blueprints.api_v1.translation.chat_over_responses_request import to_responses_request
from blueprints.api_v1.translation.chat_over_responses_stop import stops_of
from blueprints.api_v1.translation.chat_over_responses_tools import declared_functions, uses_legacy_functions

USER = {"role": "user", "content": "hi"}
SENT_USER = {"type": "message", "role": "user", "content": "hi"}


def sent(body: dict[str, Any], **more: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"model": "up", "stream": False, "effort": None, "max_output_tokens": None}
    return to_responses_request({"messages": [USER], **body}, **{**settings, **more})


def items(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = sent({"messages": list(messages)})["input"]
    return told


def test_fields_go_under_their_names_there_and_those_without_one_are_dropped() -> None:
    body = {
        "model": "smart-route",
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "top_k": 3,
        "user": "u",
        "max_tokens": 9,
        "max_completion_tokens": 8,
        "verbosity": "low",
        "logprobs": True,
        "top_logprobs": 2,
        "stop": "END",
        "n": 2,
        "seed": 1,
        "logit_bias": {"1": 2},
        "presence_penalty": 1,
        "store": True,
        "client_metadata": {"cwd": "secret"},
        "thinking": {"type": "enabled"},
        "reasoning_effort": "max",
    }
    assert sent(body, stream=True, effort="low") == {
        "model": "up",
        "input": [SENT_USER],
        "store": False,
        "stream": True,
        "temperature": 0.5,
        "top_k": 3,
        "user": "u",
        "max_output_tokens": 8,
        "text": {"verbosity": "low"},
        "top_logprobs": 2,
        "include": ["message.output_text.logprobs"],
        "reasoning": {"effort": "low"},
    }


@pytest.mark.parametrize(("asked", "ceiling", "shown"), [(None, 50, 50), (20, 50, 20), (80, 50, 50), (20, None, 20)])
def test_output_limit_is_the_lower_of_both(asked: int | None, ceiling: int | None, shown: int) -> None:
    assert sent({"max_tokens": asked}, max_output_tokens=ceiling)["max_output_tokens"] == shown


def test_conversation_becomes_items() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    patch = {"id": "call_2", "type": "custom", "custom": {"name": "p", "input": "text"}}
    assert items(
        {"role": "system", "content": "s"},
        {"role": "developer", "content": [{"type": "text", "text": "d"}]},
        USER,
        {"role": "assistant", "content": "let me see", "tool_calls": [call, patch], "reasoning_content": "hm"},
        {
            "role": "tool",
            "tool_call_id": "call_1",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        },
        {"role": "tool", "tool_call_id": "call_2", "content": "done"},
    ) == [
        {"type": "message", "role": "developer", "content": "s"},
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "d"}]},
        SENT_USER,
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "let me see", "annotations": []}],
        },
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": '{"a":1}'},
        {"type": "custom_tool_call", "call_id": "call_2", "name": "p", "input": "text"},
        {"type": "function_call_output", "call_id": "call_1", "output": "a\nb"},
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": "done"},
    ]


def test_conf_073_images_files_and_audio_have_parts_of_their_own() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}}
    content = [
        {"type": "image_url", "image_url": {"url": "data:a", "detail": "high"}},
        {"type": "image_url", "image_url": {"url": "data:b"}},
        {"type": "file", "file": {"file_data": "data:c", "filename": "c.pdf", "file_id": None}},
        audio,
    ]
    parts = [
        {"type": "input_image", "image_url": "data:a", "detail": "high"},
        {"type": "input_image", "image_url": "data:b", "detail": "auto"},
        {"type": "input_file", "file_data": "data:c", "filename": "c.pdf"},
        audio,
    ]
    assert items({"role": "user", "content": content})[0]["content"] == parts
    assert items({"role": "tool", "tool_call_id": "c", "content": content[:1]})[0]["output"] == parts[:1]


def test_refusals_of_the_past_stay_refusals() -> None:
    refusal = [{"type": "refusal", "refusal": "no"}]
    for message in ({"refusal": "no", "content": None}, {"content": refusal}):
        assert items({"role": "assistant", **message}) == [{"type": "message", "role": "assistant", "content": refusal}]


def test_conf_028_chat_legacy_functions() -> None:
    body = {
        "functions": [{"name": "f", "description": "d"}],
        "function_call": {"name": "f"},
        "messages": [
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}},
            {"role": "function", "name": "f", "content": "1"},
        ],
    }
    request = sent(body)
    assert request["tools"][0]["name"] == "f"
    assert request["tool_choice"] == {"type": "function", "name": "f"}
    assert request["input"] == [
        {"type": "function_call", "call_id": "call_0", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_0", "output": "1"},
    ]
    assert uses_legacy_functions(body)
    assert not uses_legacy_functions({"tools": [{"type": "function"}], **body})


def test_tools_are_flat_and_never_strict_unasked() -> None:
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}
    tools = [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}},
        {"type": "function", "function": {"name": "g"}},
        {"type": "custom", "custom": {"name": "p", "format": grammar}},
    ]
    request = sent({"tools": tools, "parallel_tool_calls": False})
    assert request["tools"] == [
        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True},
        {"type": "function", "name": "g", "parameters": {"type": "object", "properties": {}}, "strict": False},
        {"type": "custom", "name": "p", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
    ]
    assert request["parallel_tool_calls"] is False
    assert declared_functions({"tools": tools}) == {"f", "g"}


@pytest.mark.parametrize(
    ("choice", "shown"),
    [
        ("required", "required"),
        ({"type": "function", "function": {"name": "f"}}, {"type": "function", "name": "f"}),
        ({"type": "custom", "custom": {"name": "p"}}, {"type": "custom", "name": "p"}),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        ),
    ],
)
def test_conf_068_tool_choice_variants_incl_allowed_tools(choice: Any, shown: Any) -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert sent({"tools": tools, "tool_choice": choice})["tool_choice"] == shown


def test_conf_018_chat_empty_tools_dropped_with_choice_and_parallel_flag() -> None:
    request = sent({"tools": [], "tool_choice": "auto", "parallel_tool_calls": True})
    assert set(request) == {"model", "input", "store"}


def test_structured_output_is_flat_there() -> None:
    schema = {"name": "s", "schema": {"type": "object"}, "strict": True, "description": None}
    request = sent({"response_format": {"type": "json_schema", "json_schema": schema}})
    assert request["text"] == {
        "format": {"type": "json_schema", "name": "s", "schema": {"type": "object"}, "strict": True}
    }
    assert sent({"response_format": {"type": "json_object"}})["text"] == {"format": {"type": "json_object"}}


def test_conf_029_chat_signatures_restored_before_their_calls() -> None:
    kept = {"type": "reasoning", "id": "rs_up", "summary": [], "encrypted_content": "sealed"}
    calls = [{"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": ""}} for name in "ab"]
    body = {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": calls}]}
    request = sent(body, kept_reasoning={"call_a": [kept], "call_b": [kept]})
    assert [item["type"] for item in request["input"]] == ["message", "reasoning", "function_call", "function_call"]
    assert request["input"][1] == kept
    assert request["include"] == ["reasoning.encrypted_content"]


def test_stop_sequences_are_read_as_string_or_list() -> None:
    assert [stops_of({"stop": told}) for told in (None, "a", ["a", ""], [])] == [(), ("a",), ("a",), ()]
