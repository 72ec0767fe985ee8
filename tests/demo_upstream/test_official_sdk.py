"""The official SDK, validating strictly, reads what the demo upstream sends: chat and Responses."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel

from tests.demo_upstream.conftest import Ask

MODEL = "demo-model"
TWO_CALLS = '[[tool get_weather {"city": "Paris"}]] [[tool get_time {"zone": "CET"}]]'
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def user(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def test_chat_says_that_it_is_a_demo_and_counts_words(sdk: OpenAI) -> None:
    answer = sdk.chat.completions.create(model=MODEL, messages=user("Hello there"))
    assert answer.choices[0].message.content == ("This is the demo upstream of Smart Route. You said: Hello there")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (
        2,
        12,
        14,
    )


def test_equal_requests_get_equal_answers(sdk: OpenAI) -> None:
    first, second = (sdk.chat.completions.create(model=MODEL, messages=user("Again")) for _ in range(2))
    assert first.model_copy(update={"created": 0}) == second.model_copy(update={"created": 0})


def test_streamed_chat_has_the_same_text_and_usage_as_the_whole_one(sdk: OpenAI) -> None:
    whole = sdk.chat.completions.create(model=MODEL, messages=user("Same"))
    with sdk.chat.completions.stream(
        model=MODEL, messages=user("Same"), stream_options={"include_usage": True}
    ) as stream:
        streamed = stream.get_final_completion()
    assert streamed.choices[0].message.content == whole.choices[0].message.content
    assert streamed.usage is not None
    assert whole.usage is not None
    assert streamed.usage.total_tokens == whole.usage.total_tokens


@pytest.mark.parametrize("extra", ["", " [[interleave]]", " [[odd one-delta]]", " [[odd empty-choices]]"])
def test_streamed_parallel_calls_are_put_together(sdk: OpenAI, extra: str) -> None:
    with sdk.chat.completions.stream(model=MODEL, messages=user(TWO_CALLS + extra)) as stream:
        choice = stream.get_final_completion().choices[0]
    assert choice.finish_reason == "tool_calls"
    calls = [(c.function.name, c.function.arguments) for c in choice.message.tool_calls or []]
    assert calls == [("get_weather", '{"city": "Paris"}'), ("get_time", '{"zone": "CET"}')]
    assert len({c.id for c in choice.message.tool_calls or []}) == 2


def test_script_plays_its_turns_and_then_quotes_the_results(sdk: OpenAI) -> None:
    messages: list[Any] = user(f'{TWO_CALLS} [[then]] [[say One more.]] [[tool check {{"n": 1}}]]')
    seen = []
    for _ in range(3):
        message = sdk.chat.completions.create(model=MODEL, messages=messages).choices[0].message
        calls: list[Any] = list(message.tool_calls or [])
        seen.append((message.content, [call.function.name for call in calls]))
        messages.append(message.model_dump(include={"role", "content", "tool_calls"}))
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name} is fine"} for call in calls
        ]
    quoted = '"get_weather is fine", "get_time is fine", "check is fine"'
    assert seen == [
        (None, ["get_weather", "get_time"]),
        ("One more.", ["check"]),
        (f"This is the demo upstream of Smart Route. The tools answered: {quoted}", []),
    ]


def test_required_tool_is_called_with_fitting_arguments(sdk: OpenAI) -> None:
    answer = sdk.chat.completions.create(
        model=MODEL, messages=user("Weather?"), tools=[WEATHER], tool_choice="required"
    )
    call: Any = (answer.choices[0].message.tool_calls or [])[0]
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city":"demo"}')


def test_structured_output_fits_its_schema(sdk: OpenAI) -> None:
    class Person(BaseModel):
        name: str
        age: int
        friends: list[str]

    answer = sdk.chat.completions.parse(model=MODEL, messages=user("Ada"), response_format=Person)
    assert answer.choices[0].message.parsed == Person(name="Ada", age=1, friends=["Ada"])
    parsed = sdk.responses.parse(model=MODEL, input="Ada", text_format=Person)
    assert parsed.output_parsed == Person(name="Ada", age=1, friends=["Ada"])


def test_logprobs_and_choices_come_when_asked_for(sdk: OpenAI) -> None:
    answer = sdk.chat.completions.create(
        model=MODEL, messages=user("[[reply a b]]"), n=2, logprobs=True, top_logprobs=2
    )
    assert [choice.message.content for choice in answer.choices] == ["a b", "a b [2]"]
    logprobs = answer.choices[0].logprobs
    assert [len(token.top_logprobs) for token in (logprobs and logprobs.content) or []] == [2, 2]


def test_streamed_choices_are_told_apart_by_index(sdk: OpenAI) -> None:
    with sdk.chat.completions.stream(model=MODEL, messages=user("[[reply a b]]"), n=2) as stream:
        choices = stream.get_final_completion().choices
    assert [choice.message.content for choice in choices] == ["a b", "a b [2]"]


def test_output_limit_and_stop_are_obeyed(sdk: OpenAI) -> None:
    limited = sdk.chat.completions.create(model=MODEL, messages=user("[[tokens 9]]"), max_tokens=2)
    assert (limited.choices[0].message.content, limited.choices[0].finish_reason) == ("w1 w2 ", "length")
    stopped = sdk.chat.completions.create(model=MODEL, messages=user("[[reply one. two. three]]"), stop=["two"])
    assert stopped.choices[0].message.content == "one. "


def test_responses_stream_ends_with_the_object_of_the_whole_answer(sdk: OpenAI) -> None:
    text = f"[[reasoning Let me see.]] [[say Looking.]] {TWO_CALLS} [[custom patch ***]] [[interleave]]"
    whole = sdk.responses.create(model=MODEL, input=text)
    with sdk.responses.stream(model=MODEL, input=text) as stream:
        events = list(stream)
        streamed = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [item.type for item in streamed.output] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
        "custom_tool_call",
    ]
    assert [_plain(item.to_dict()) for item in whole.output] == [_plain(item.to_dict()) for item in streamed.output]
    assert whole.usage == streamed.usage


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    """Without what the SDK adds to streamed items, and without ids: they differ with the request's bytes."""
    dropped = {"parsed", "parsed_arguments", "id", "call_id"}
    return {
        key: [_plain(part) for part in value] if key == "content" else value
        for key, value in item.items()
        if key not in dropped
    }


@pytest.mark.parametrize(
    ("words", "event"),
    [
        ("[[reasoning Hm]] [[reasoning-as summary]]", "response.reasoning_summary_text.delta"),
        ("[[refusal No, sorry]]", "response.refusal.delta"),
        ("[[custom apply_patch ***]]", "response.custom_tool_call_input.delta"),
        ("[[finish length]]", "response.incomplete"),
        ("[[finish content_filter]]", "response.incomplete"),
        ("[[no-text]]", "response.completed"),
    ],
)
def test_responses_events_of_each_kind_are_valid(sdk: OpenAI, words: str, event: str) -> None:
    kinds = [e.type for e in sdk.responses.create(model=MODEL, input=words, stream=True)]
    assert event in kinds
    assert kinds[:2] == ["response.created", "response.in_progress"]


def test_responses_script_goes_on_after_results_in_any_order(sdk: OpenAI) -> None:
    first = sdk.responses.create(model=MODEL, input=f"{TWO_CALLS} [[then]] [[tool check]]")
    calls: list[Any] = [item.to_dict() for item in first.output]
    outputs = [{"type": "function_call_output", "call_id": call["call_id"], "output": call["name"]} for call in calls]
    start = {"role": "user", "content": f"{TWO_CALLS} [[then]] [[tool check]]"}
    turned: Any = [start, calls[0], outputs[0], calls[1], outputs[1]]
    second: Any = sdk.responses.create(model=MODEL, input=turned)
    assert [item.name for item in second.output] == ["check"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("[[status 400]]", openai.BadRequestError),
        ("[[status 401]]", openai.AuthenticationError),
        ("[[status 429]]", openai.RateLimitError),
        ("[[status 503]]", openai.InternalServerError),
        ("[[reset before]]", openai.APIConnectionError),
        ("[[drop]]", openai.APIConnectionError),
    ],
)
def test_sdk_raises_its_own_exception_for_each_failure(sdk: OpenAI, words: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        sdk.chat.completions.create(model=MODEL, messages=user(words))


def test_sdk_raises_on_an_error_inside_a_stream(sdk: OpenAI) -> None:
    stream = sdk.chat.completions.create(model=MODEL, messages=user("[[stream-error]]"), stream=True)
    with pytest.raises(openai.APIError, match="demo-backend-secret"):
        list(stream)


def test_failed_responses_stream_ends_as_the_api_does(ask_responses: Ask, sdk: OpenAI) -> None:
    *_, error, failed = ask_responses("[[stream-error failed@4]]").chunks
    assert (error["type"], error["error"]["type"]) == ("error", "server_error")
    assert (failed["type"], failed["response"]["error"]["code"]) == ("response.failed", "server_error")
    with pytest.raises(openai.APIError, match="demo-backend-secret"):
        list(sdk.responses.create(model=MODEL, input="[[stream-error failed@4]]", stream=True))


def test_models_are_listed(sdk: OpenAI) -> None:
    assert "demo-model" in [model.id for model in sdk.models.list()]
