"""The official OpenAI Python SDK, unchanged: it reads every answer and raises its own right exception."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionChunk

from tests.api.client import Api
from tests.harness.gateway import Gateway

TOOL: Any = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


@pytest.fixture(scope="module")
def sdk(api: Api) -> Iterator[OpenAI]:
    with OpenAI(base_url=api.url, api_key=api.token, max_retries=0, _strict_response_validation=True) as client:
        yield client


def user(words: str) -> Any:
    return [{"role": "user", "content": words}]


def test_chat_is_read_strictly(sdk: OpenAI) -> None:
    answer = sdk.chat.completions.create(model="plain", messages=user("[[reply Good morning]]"))
    assert answer.choices[0].message.content == "Good morning"
    assert answer.model == "plain"
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0


def test_stream_helper_joins_text_and_usage(sdk: OpenAI) -> None:
    with sdk.chat.completions.stream(
        model="plain", messages=user("[[reply one two three]]"), stream_options={"include_usage": True}
    ) as stream:
        texts = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert "".join(texts) == final.choices[0].message.content == "one two three"
    assert final.usage is not None
    assert final.usage.completion_tokens == 3


@pytest.mark.parametrize("odd", ["", "[[interleave]]", "[[odd repeat-id]] [[odd name-late]]"])
def test_stream_helper_joins_parallel_tool_calls(sdk: OpenAI, odd: str) -> None:
    words = f'[[tool get_weather {{"city": "Paris"}}]] [[tool get_weather {{"city": "Rome"}}]] {odd}'
    with sdk.chat.completions.stream(model="plain", messages=user(words), tools=[TOOL]) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls or []
    assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Paris", "Rome"]
    assert final.choices[0].finish_reason == "tool_calls"


def test_models_are_listed_and_retrieved(sdk: OpenAI) -> None:
    assert "plain" in [model.id for model in sdk.models.list()]
    assert sdk.models.retrieve("plain").id == "plain"


@pytest.mark.parametrize(
    ("words", "fields", "exception", "code"),
    [
        ("x", {"temperature": 9}, openai.BadRequestError, "invalid_value"),
        ("x", {"model": "gpt-4"}, openai.NotFoundError, "model_not_found"),
        ("[[status 400]] [[body context]]", {}, openai.BadRequestError, "context_length_exceeded"),
        ("[[status 429]] [[retry-after 3]]", {}, openai.RateLimitError, "rate_limit_exceeded"),
        ("[[status 401]]", {}, openai.InternalServerError, "upstream_error"),
        ("[[status 500]]", {}, openai.InternalServerError, "upstream_error"),
        ("[[status 429]]", {}, openai.InternalServerError, "server_is_overloaded"),
        ("x", {"model": "refused"}, openai.InternalServerError, "upstream_unavailable"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_each_error_is_its_own_right_exception(
    sdk: OpenAI, words: str, fields: dict[str, Any], exception: type[openai.APIStatusError], code: str, stream: bool
) -> None:
    create: Any = sdk.chat.completions.create
    with pytest.raises(exception) as caught:
        create(**{"model": "plain", "messages": user(words), "stream": stream, **fields})
    assert caught.value.code == code
    assert caught.value.request_id is not None
    assert caught.value.request_id.startswith("req_")


def test_wrong_token_is_an_authentication_error(api: Api) -> None:
    with (
        OpenAI(base_url=api.url, api_key="sr_wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()


def test_used_up_quota_is_a_rate_limit_error_that_is_not_tried_again(small: Api) -> None:
    with OpenAI(base_url=small.url, api_key=small.token, max_retries=3) as client:
        for _ in range(5):
            client.chat.completions.create(model="plain", messages=user("x"))
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(model="plain", messages=user("x"))
    assert caught.value.code == "insufficient_quota"
    line = small.gateway.log_line(str(caught.value.request_id))
    tries = [
        told for told in small.gateway.log_lines() if told.get("account") == line["account"] and told["status"] == 429
    ]
    assert len(tries) == 1


@pytest.mark.parametrize("trouble", ["[[cut 4]]", "[[stream-error object@4]]"])
def test_error_inside_a_stream_is_raised_to_the_reader(sdk: OpenAI, trouble: str) -> None:
    stream = sdk.chat.completions.create(
        model="plain", messages=user(f"[[tokens 9]] [[pace 5]] {trouble}"), stream=True
    )
    chunks: list[Any] = []
    with pytest.raises(openai.APIError):
        chunks.extend(stream)


def test_20_streams_dropped_at_done_are_20_counted_prompts_with_tokens_and_nothing_reserved(gateway: Gateway) -> None:
    api = Api(gateway, gateway.account()["token"])
    with OpenAI(base_url=api.url, api_key=api.token, max_retries=0) as client:
        for number in range(20):
            for chunk in client.chat.completions.create(
                model="smart-route-mini", messages=user(f"[[reply one two three]] {number}"), stream=True
            ):
                assert isinstance(chunk, ChatCompletionChunk)
        assert client.models.list().data
    usage = api.session.get(f"{api.url}/usage", timeout=5).json()
    assert usage["day"]["used"] == usage["month"]["used"] == 20
    [account_id] = {row["account_id"] for row in api.rows(token_id=newest_token(api))}
    rows = api.rows(account_id=account_id)
    assert [(row["status"], row["counted"], row["completion_tokens"], row["owner_id"]) for row in rows] == [
        ("completed", 1, 3, None)
    ] * 20


def newest_token(api: Api) -> int:
    """The token that this account's newest row was admitted with."""
    api_rows = api.rows()
    return int(api_rows[-1]["token_id"])
