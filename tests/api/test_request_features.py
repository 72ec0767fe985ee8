"""What routing reads from a request's body."""

from __future__ import annotations

from typing import Any

import pytest

from blueprints.api_v1.input_estimate import measured
from blueprints.api_v1.request_features import features_of
from routing.features import Features

USER = {"role": "user", "content": "What is it?"}
ASSISTANT = {"role": "assistant", "content": "It is this."}


def told(*items: dict[str, Any], endpoint: str = "chat/completions", account_id: int = 1, **body: Any) -> Features:
    return features_of(body, list(items), endpoint=endpoint, account_id=account_id, speed="standard")


def test_conversation_is_the_same_from_turn_to_turn() -> None:
    first = told({"role": "system", "content": "Be brief."}, USER)
    later = told({"role": "system", "content": "Be brief."}, USER, ASSISTANT, {"role": "user", "content": "And?"})
    assert first.conversation == later.conversation
    assert (first.is_first_turn, later.is_first_turn) == (True, False)


def test_conversation_stays_the_same_when_marks_of_a_cache_move_on() -> None:
    marked = {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]}
    plain = {"role": "user", "content": "Hi"}
    assert told(marked).conversation == told(plain, ASSISTANT).conversation


@pytest.mark.parametrize(
    "other",
    [
        told({"role": "user", "content": "Something else"}),
        told({"role": "system", "content": "Be brief."}, USER),
        told(USER, account_id=2),
        told(USER, prompt_cache_key="k"),
    ],
    ids=["words", "instructions", "account", "key"],
)
def test_another_opening_account_or_key_is_another_conversation(other: Features) -> None:
    assert told(USER).conversation != other.conversation


def test_conversation_without_a_message_of_the_user_is_none() -> None:
    assert told(ASSISTANT).conversation is None


def test_completion_stands_for_itself() -> None:
    assert told(USER, endpoint="completions", prompt="What is it?").conversation is None


@pytest.mark.parametrize(
    ("items", "body"),
    [
        ([USER], {"tools": [{"type": "function"}]}),
        ([USER], {"functions": [{"name": "f"}]}),
        ([{"type": "additional_tools", "tools": [{"type": "function"}]}, USER], {}),
        ([{"type": "tool_search_output", "tools": [{"type": "function"}]}, USER], {}),
    ],
    ids=["tools", "functions", "additional", "found"],
)
def test_tools_are_seen_wherever_they_are_brought(items: list[dict[str, Any]], body: dict[str, Any]) -> None:
    assert told(*items, **body).tools
    assert not told(USER, tools=[]).tools


def test_audio_that_is_asked_for_needs_a_route_with_audio() -> None:
    assert told(USER, modalities=["text", "audio"]).modalities == {"audio"}


@pytest.mark.parametrize(
    "aside",
    [
        {"type": "image_generation_call", "result": "A" * 2_000_000},
        {"role": "assistant", "content": [{"type": "output_text", "text": "a", "logprobs": [{"token": "a"}] * 5000}]},
    ],
    ids=["picture", "logprobs"],
)
def test_what_no_model_reads_again_weighs_nothing(aside: dict[str, Any]) -> None:
    assert measured({}, [USER, aside]).tokens < 40


def test_letters_of_other_scripts_weigh_little_more_than_english_ones() -> None:
    russian = "Привет, меня зовут " * 100  # 1,900 letters; tokenizers of today need some 550 to 700 tokens
    assert 400 <= measured({}, [{"role": "user", "content": russian}]).tokens <= 700


@pytest.mark.parametrize("odd", [None, 7, "text", [1], {"a": 1}, [[]], [None], [{"type": ["x"]}], [{"text": {}}]])
def test_odd_content_is_no_fault(odd: Any) -> None:
    assert told({"role": "user", "content": odd}).prompt_tokens >= 1
