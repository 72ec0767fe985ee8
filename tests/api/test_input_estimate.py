"""How many tokens a request is taken for where its upstream tells none."""

from __future__ import annotations

from typing import Any

import pytest

from blueprints.api_v1.input_estimate import PER_ATTACHMENT, measured, request_items
from blueprints.api_v1.outcomes import estimated_tokens
from tests.api.test_attempts import Tried, route

DATA = "data:image/png;base64," + "A" * 400_000
TEXT = "word " * 400  # 2,000 bytes, 500 tokens


def estimated_request_tokens(body: dict[str, Any]) -> int:
    return measured(body, request_items(body)).tokens


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": DATA}},
        {"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}},
        {"type": "file", "file": {"file_data": DATA, "filename": "a.pdf"}},
    ],
    ids=["image", "audio", "file"],
)
def test_attachment_of_a_chat_is_a_flat_figure(part: dict[str, Any]) -> None:
    content = [{"type": "text", "text": TEXT}, part]
    told = estimated_request_tokens({"messages": [{"role": "user", "content": content}]})
    assert PER_ATTACHMENT + 500 <= told < PER_ATTACHMENT + 600


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": TEXT}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": TEXT}}]}]},
        {"messages": [], "tools": [{"type": "function", "function": {"name": "f", "description": TEXT}}]},
        {"messages": [], "functions": [{"name": "f", "description": TEXT}]},
        {"messages": [], "response_format": {"type": "json_schema", "json_schema": {"description": TEXT}}},
        {"prompt": TEXT},
        {"prompt": [TEXT[:1000], TEXT[1000:]]},
        {"input": TEXT},
        {"input": [{"role": "user", "content": TEXT}], "instructions": None},
        {"input": "", "instructions": TEXT},
    ],
    ids=["chat", "calls", "tools", "functions", "format", "prompt", "prompts", "text", "items", "instructions"],
)
def test_text_that_a_model_reads_is_estimated_wherever_it_stands(body: dict[str, Any]) -> None:
    assert 500 <= estimated_request_tokens({**body, "metadata": {"a": TEXT}, "model": "m" * 400}) < 560


def test_request_without_any_text_is_one_token() -> None:
    assert estimated_request_tokens({}) == 1


def test_row_of_a_call_rests_on_the_same_estimate() -> None:
    tried = Tried(route("one"))
    tokens = estimated_tokens(tried.call, 9)
    assert tokens.prompt == tried.call.features.prompt_tokens
    assert (tokens.completion, tokens.estimated) == (3, True)
