"""Whole chat answers of upstreams, as the client gets them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprints.api_v1.errors import UpstreamError
from blueprints.api_v1.translation.chat_answer import chat_completion, finish_reason, tokens, usage
from tests.translation.test_chat_over_chat import JSON_VALUES


def shown(told: object) -> dict[str, Any]:
    return chat_completion(
        told, alias="smart-route", answer_id="chatcmpl-ours", created=1, new_call_id=lambda: "call_ours"
    )


def answer(message: object, **choice: object) -> dict[str, Any]:
    return {"id": "theirs", "choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}]}


def test_answer_has_every_key_that_clients_expect_and_none_of_the_upstreams_own() -> None:
    told = answer({"role": "assistant", "content": "Hi", "vendor": 1}, stop_reason="x") | {
        "model": "backend",
        "system_fingerprint": "fp",
        "provider": "p",
        "usage": {"prompt_tokens": 2.0, "completion_tokens": 3, "cost": 0.1, "prompt_tokens_details": {"secret": 1}},
    }
    assert shown(told) == {
        "id": "chatcmpl-ours",
        "object": "chat.completion",
        "created": 1,
        "model": "smart-route",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5},
    }


def test_tool_calls_get_ids_of_our_own_and_arguments_as_text() -> None:
    calls = [
        {"id": "theirs", "type": "function", "function": {"name": "look", "arguments": {"a": 1}}},
        {"id": "theirs", "type": "custom", "custom": {"name": "patch", "input": "x"}},
    ]
    [choice] = shown(answer({"content": None, "tool_calls": calls}))["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"] == [
        {"id": "call_ours", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}},
        {"id": "call_ours", "type": "custom", "custom": {"name": "patch", "input": "x"}},
    ]


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("tool_use", "tool_calls"),
        (None, "stop"),
        ({"odd": 1}, "stop"),
        ("never heard of", "stop"),
    ],
)
def test_stray_finish_reasons_become_known_ones(told: object, reason: str) -> None:
    assert finish_reason(told, has_calls=False) == reason


def test_stop_with_calls_is_told_as_tool_calls() -> None:
    assert finish_reason("stop", has_calls=True) == "tool_calls"
    assert finish_reason("length", has_calls=True) == "length"


@pytest.mark.parametrize(
    "told",
    [
        {},
        None,
        [],
        "text",
        {"choices": []},
        {"choices": [{}]},
        {"error": "x"},
        {"object": "error", "message": "x"},
        answer(None),
        answer({}, finish_reason="error"),
    ],
)
def test_answer_without_a_message_is_an_upstream_error(told: object) -> None:
    with pytest.raises(UpstreamError):
        shown(told)


def test_cached_tokens_are_found_under_every_name() -> None:
    counts = {"prompt_tokens": 9, "completion_tokens": 1}
    for extra in (
        {"prompt_tokens_details": {"cached_tokens": 4}},
        {"prompt_cache_hit_tokens": 4},
        {"cache_read_input_tokens": 4},
    ):
        found = tokens(usage(counts | extra))
        assert found is not None
        assert found.cached == 4


def test_absurd_counts_still_fit_the_usage_log() -> None:
    assert usage({"prompt_tokens": 1e300, "completion_tokens": -5}) == {
        "prompt_tokens": 2**31 - 1,
        "completion_tokens": 0,
        "total_tokens": 2**31 - 1,
    }
    assert usage({"prompt_tokens": True, "completion_tokens": "7"}) is None


@given(st.builds(answer, JSON_VALUES) | st.builds(lambda value: {"choices": value}, JSON_VALUES) | JSON_VALUES)
@settings(max_examples=200)
def test_whatever_an_upstream_sends_is_an_answer_or_an_upstream_error(told: object) -> None:
    try:
        result = shown(told)
    except UpstreamError:
        return
    assert orjson.dumps(result)
    assert result["choices"]
