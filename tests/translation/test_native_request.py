"""A Responses request on its way to a Responses upstream."""

from __future__ import annotations

from typing import Any

import pytest

from blueprints.api_v1.errors import InvalidRequest
from blueprints.api_v1.translation.native_request import to_native_request

FUNCTION = {"type": "function", "name": "f", "parameters": {}, "strict": False}


def sent(body: dict[str, Any], **more: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"model": "up", "stream": False, "effort": None, "max_output_tokens": None}
    return to_native_request(body, **{**settings, **more}).body


def test_what_the_gateway_owns_is_replaced_and_the_rest_goes_on_untouched() -> None:
    body = {
        "model": "smart-route",
        "input": "hi",
        "instructions": "be brief",
        "store": True,
        "previous_response_id": "resp_own",
        "stream": True,
        "stream_options": {"include_obfuscation": True},
        "client_metadata": {"cwd": "secret"},
        "metadata": {"a": "b"},
        "top_k": 5,
        "temperature": None,
        "include": ["reasoning.encrypted_content"],
    }
    assert sent(body, stream=True) == {
        "model": "up",
        "input": [{"type": "message", "role": "user", "content": "hi"}],
        "instructions": "be brief",
        "store": False,
        "stream": True,
        "metadata": {"a": "b"},
        "top_k": 5,
        "include": ["reasoning.encrypted_content"],
    }


def test_history_comes_before_the_input_without_our_ids() -> None:
    history = [
        {"id": "msg_own", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
        {"id": "fc_own", "type": "function_call", "call_id": "call_own", "name": "f", "arguments": "{}", "status": "x"},
    ]
    answer = {"id": "x", "type": "function_call_output", "call_id": "call_own", "output": "1", "status": "completed"}
    assert sent({"input": [answer]}, history=history)["input"] == [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
        {"type": "function_call", "call_id": "call_own", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_own", "output": "1"},
    ]


def test_conf_071_unknown_item_keys_stripped() -> None:
    item = {"role": "user", "content": "a", "id": "m", "internal_chat_message_metadata_passthrough": {"x": 1}}
    assert sent({"input": [item]})["input"] == [{"type": "message", "role": "user", "content": "a"}]
    new = {"type": "brand_new", "id": "n", "payload": 1, "internal_chat_message_metadata_passthrough": {"x": 1}}
    assert sent({"input": [new]})["input"] == [{"type": "brand_new", "payload": 1}]


def test_conf_070_reasoning_item_roundtrip_blob_foreign_blob_ignored() -> None:
    opened = {"ours": {"id": "rs_up", "encrypted_content": "theirs"}}
    items = [
        {"type": "reasoning", "id": "rs_own", "summary": [], "encrypted_content": "ours", "status": "completed"},
        {"type": "reasoning", "id": "rs_other", "summary": [], "encrypted_content": "of another upstream"},
        {"type": "reasoning", "id": "rs_none", "summary": [{"type": "summary_text", "text": "s"}]},
    ]
    assert sent({"input": items}, unseal=opened.get)["input"] == [
        {"type": "reasoning", "summary": [], "id": "rs_up", "encrypted_content": "theirs"}
    ]


def test_conf_066_hosted_tools_dropped_and_refused_when_forced() -> None:
    body = {"input": "a", "tools": [FUNCTION, {"type": "web_search"}], "tool_choice": "auto"}
    request = to_native_request(body, model="up", stream=False, effort=None, max_output_tokens=None)
    assert request.body["tools"] == [FUNCTION]
    assert request.left_out == ("web_search",)
    assert sent(body, hosted={"web_search"})["tools"] == body["tools"]
    with pytest.raises(InvalidRequest) as caught:
        sent({**body, "tool_choice": {"type": "web_search"}})
    assert caught.value.param == "tool_choice"


def test_choice_without_tools_is_dropped_with_them() -> None:
    request = sent(
        {"input": "a", "tools": [{"type": "web_search"}], "tool_choice": "auto", "parallel_tool_calls": True}
    )
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(request)


def test_allowed_tools_keep_those_that_somebody_runs() -> None:
    choice = {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "web_search"}, {"type": "function", "name": "f"}],
    }
    request = sent({"input": "a", "tools": [FUNCTION], "tool_choice": choice})
    assert request["tool_choice"]["tools"] == [{"type": "function", "name": "f"}]


def test_conf_067_additional_tools_and_tool_search_output_join_tools() -> None:
    custom = {"type": "custom", "name": "apply_patch"}
    items = [
        {"type": "additional_tools", "role": "developer", "tools": [FUNCTION]},
        {"type": "tool_search_call", "call_id": "c", "arguments": {}},
        {"type": "tool_search_output", "call_id": "c", "tools": [custom, FUNCTION]},
        {"role": "user", "content": "a"},
    ]
    request = sent({"input": items})
    assert request["tools"] == [FUNCTION, custom]
    assert [item["type"] for item in request["input"]] == ["message"]


def test_depth_is_ours_and_the_last_setting_inside_the_input_wins() -> None:
    body = {
        "input": [{"type": "configuration_update", "reasoning": {"effort": "low"}, "text": {"verbosity": "low"}}],
        "reasoning": {"effort": "max", "summary": "auto"},
        "reasoning_effort": "max",
        "thinking": {"type": "enabled"},
    }
    request = sent(body, effort="medium")
    assert request["reasoning"] == {"effort": "medium", "summary": "auto"}
    assert request["text"] == {"verbosity": "low"}
    assert not {"thinking", "reasoning_effort"} & set(request)
    assert sent(body)["reasoning"] == {"summary": "auto"}
    assert body["reasoning"] == {"effort": "max", "summary": "auto"}


@pytest.mark.parametrize(("asked", "ceiling", "shown"), [(None, 50, 50), (20, 50, 20), (80, 50, 50), (20, None, 20)])
def test_output_limit_is_the_lower_of_both(asked: int | None, ceiling: int | None, shown: int) -> None:
    assert sent({"input": "a", "max_output_tokens": asked}, max_output_tokens=ceiling)["max_output_tokens"] == shown


def test_hosted_history_is_dropped_and_messages_of_other_agents_are_users() -> None:
    items = [
        {"type": "web_search_call", "id": "ws_own", "action": {}},
        {"type": "agent_message", "content": [{"type": "text", "text": "found it"}]},
    ]
    assert sent({"input": items})["input"] == [{"type": "message", "role": "user", "content": "found it"}]


def test_compaction_that_nobody_could_open_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        sent({"input": [{"type": "compaction", "encrypted_content": "foreign"}]})
    assert caught.value.code == "invalid_encrypted_content"
