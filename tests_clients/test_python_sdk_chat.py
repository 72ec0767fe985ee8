"""The Python SDK, unchanged and in strict validation, against the gateway: chat completions, errors, models."""

from __future__ import annotations

import json

import openai
import pytest
from openai.types.chat import ChatCompletionChunk, ChatCompletionFunctionToolParam, ChatCompletionMessageParam

from tests_clients.service import ALIAS, Service

WEATHER: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
BREAKS_OFF = "[[tokens 20]] [[pace 20]] [[drop 6]]"  # paced, so that output has left before


def user(text: str) -> list[ChatCompletionMessageParam]:
    """One user message."""
    return [{"role": "user", "content": text}]


def test_a_whole_chat_is_answered_in_the_declared_shape(sdk: openai.OpenAI) -> None:
    answer = sdk.chat.completions.create(model=ALIAS, messages=user("[[reply Good morning]]"))
    assert answer.choices[0].message.content == "Good morning"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == ALIAS
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_streamed_chat_arrives_in_pieces(sdk: openai.OpenAI) -> None:
    chunks = list(sdk.chat.completions.create(model=ALIAS, messages=user("[[tokens 5]]"), stream=True))
    pieces = [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]
    assert len(pieces) == 5
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert {chunk.model for chunk in chunks} == {ALIAS}
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


def test_the_stream_helper_puts_the_answer_together(sdk: openai.OpenAI) -> None:
    with sdk.chat.completions.stream(
        model=ALIAS, messages=user("[[reply Good morning]]"), stream_options={"include_usage": True}
    ) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert "".join(deltas) == "Good morning"
    assert final.choices[0].message.content == "Good morning"
    assert final.usage is not None
    assert final.usage.completion_tokens > 0


def test_a_tools_loop_goes_round_in_one_prompt(sdk: openai.OpenAI, service: Service, token: str) -> None:
    script = (
        '[[tool get_weather {"city": "Paris"}]] [[tool get_weather {"city": "Rome"}]] '
        '[[then]] [[tool get_weather {"city": "Oslo"}]] [[then]] [[reply Sunny everywhere.]]'
    )
    messages = user(script)
    asked: list[str] = []
    for _ in range(5):
        with sdk.chat.completions.stream(model=ALIAS, messages=messages, tools=[WEATHER]) as stream:
            message = stream.get_final_completion().choices[0].message
        if not message.tool_calls:
            break
        messages.append(
            {
                "role": "assistant",
                "content": message.content,
                "tool_calls": [
                    {
                        "id": call.id,
                        "type": "function",
                        "function": {"name": call.function.name, "arguments": call.function.arguments},
                    }
                    for call in message.tool_calls
                ],
            }
        )
        for call in message.tool_calls:
            asked.append(call.function.arguments)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "sunny"})
    assert [json.loads(arguments) for arguments in asked] == [{"city": "Paris"}, {"city": "Rome"}, {"city": "Oslo"}]
    assert message.content == "Sunny everywhere."
    assert service.prompts_counted(token) == 1


def test_a_failed_upstream_becomes_the_right_error_and_counts_nothing(
    sdk: openai.OpenAI, service: Service, token: str
) -> None:
    expected: list[tuple[str, type[openai.APIStatusError], str | None]] = [
        ("[[status 400]]", openai.BadRequestError, None),
        ("[[status 400]] [[body context]]", openai.BadRequestError, "context_length_exceeded"),
        ("[[status 401]]", openai.InternalServerError, "upstream_error"),
        ("[[status 500]]", openai.InternalServerError, "upstream_error"),
        ("[[reset before]]", openai.InternalServerError, None),
    ]
    for stream in (False, True):
        for prompt, error, code in expected:
            with pytest.raises(error) as raised:
                sdk.chat.completions.create(model=ALIAS, messages=user(prompt), stream=stream)
            assert code in (None, raised.value.code), prompt
            assert "demo" not in str(raised.value.body)
            assert raised.value.request_id is not None
    assert service.prompts_counted(token) == 0


def test_an_answer_that_breaks_off_raises_inside_the_stream(sdk: openai.OpenAI) -> None:
    chunks: list[ChatCompletionChunk] = []
    stream = sdk.chat.completions.create(model=ALIAS, messages=user(BREAKS_OFF), stream=True)
    with pytest.raises(openai.APIError) as raised:
        chunks.extend(stream)
    assert chunks
    assert "demo" not in str(raised.value.body)


def test_a_used_up_quota_is_a_rate_limit_that_is_not_tried_again(service: Service) -> None:
    # With the SDK's own retries: it must not use them.
    with openai.OpenAI(base_url=service.api, api_key=service.new_token("tiny")) as sdk:
        sdk.chat.completions.create(model=ALIAS, messages=user("[[reply The only one.]]"))
        with pytest.raises(openai.RateLimitError) as raised:
            sdk.chat.completions.create(model=ALIAS, messages=user("[[reply Never said.]] (over)"))
    assert raised.value.code == "insufficient_quota"
    assert raised.value.response.headers["x-should-retry"] == "false"
    assert 0 < int(raised.value.response.headers["retry-after"]) <= 24 * 3600
    assert service.upstream_requests("(over)") == []


def test_a_wrong_token_or_model_is_refused_in_the_sdks_terms(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        sdk.with_options(api_key="sk-not-a-token").models.list()
    with pytest.raises(openai.NotFoundError) as raised:
        sdk.chat.completions.create(model="gpt-nonsense", messages=user("hello"))
    assert raised.value.code == "model_not_found"
    assert ALIAS in raised.value.message


def test_models_can_be_listed_and_retrieved(sdk: openai.OpenAI) -> None:
    assert [model.id for model in sdk.models.list()] == [ALIAS]
    assert sdk.models.retrieve(ALIAS).id == ALIAS
