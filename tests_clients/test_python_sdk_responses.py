"""The Python SDK, unchanged and in strict validation, against the gateway: the Responses API."""

from __future__ import annotations

import json

import openai
import pytest
from openai.types.responses import (
    FunctionToolParam,
    Response,
    ResponseFunctionToolCall,
    ResponseInputParam,
    ResponseStreamEvent,
)

from tests_clients.service import ALIAS, Service

WEATHER: FunctionToolParam = {
    "type": "function",
    "name": "get_weather",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
SCRIPT = (
    '[[tool get_weather {"city": "Paris"}]] [[tool get_weather {"city": "Rome"}]] '
    '[[then]] [[tool get_weather {"city": "Oslo"}]] [[then]] [[reply Sunny everywhere.]]'
)
CITIES = [{"city": "Paris"}, {"city": "Rome"}, {"city": "Oslo"}]


def calls(answer: Response) -> list[ResponseFunctionToolCall]:
    """The function calls of an answer."""
    return [item for item in answer.output if item.type == "function_call"]


def results(answer: Response) -> ResponseInputParam:
    """A result for each function call of an answer."""
    return [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"} for call in calls(answer)]


def test_a_whole_response_is_answered_in_the_declared_shape(sdk: openai.OpenAI) -> None:
    answer = sdk.responses.create(model=ALIAS, input="[[reply Good morning]]")
    assert answer.output_text == "Good morning"
    assert answer.status == "completed"
    assert answer.model == ALIAS
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


def test_the_stream_helper_gives_what_the_terminal_event_holds(sdk: openai.OpenAI) -> None:
    with sdk.responses.stream(model=ALIAS, input="[[reasoning I think.]] [[reply Good wörk, all]]") as stream:
        events = list(stream)
        final = stream.get_final_response()
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == final.output_text == "Good wörk, all"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    assert events[-1].type == "response.completed"
    assert [item.type for item in final.output] == ["reasoning", "message"]


def test_function_calls_are_continued_by_sending_all_items_again(
    sdk: openai.OpenAI, service: Service, token: str
) -> None:
    items: ResponseInputParam = [{"role": "user", "content": SCRIPT}]
    asked: list[object] = []
    for _ in range(5):
        with sdk.responses.stream(model=ALIAS, input=items, tools=[WEATHER], store=False) as stream:
            answer = stream.get_final_response()
        asked += [json.loads(call.arguments) for call in calls(answer)]
        if not calls(answer):
            break
        for item in answer.output:
            items.append(item.to_dict())  # type: ignore[arg-type]  # an output item is an input item as it is
        items += results(answer)
    assert asked == CITIES
    assert answer.output_text == "Sunny everywhere."
    assert service.prompts_counted(token) == 1


def test_function_calls_are_continued_by_the_previous_responses_id(
    sdk: openai.OpenAI, service: Service, token: str
) -> None:
    answer = sdk.responses.create(model=ALIAS, input=SCRIPT, tools=[WEATHER])
    asked: list[object] = []
    while calls(answer) and len(asked) < 5:
        asked += [json.loads(call.arguments) for call in calls(answer)]
        answer = sdk.responses.create(
            model=ALIAS, input=results(answer), previous_response_id=answer.id, tools=[WEATHER]
        )
    assert asked == CITIES
    assert answer.output_text == "Sunny everywhere."
    assert service.prompts_counted(token) == 1


def test_a_conversation_goes_on_from_a_stored_response(sdk: openai.OpenAI, service: Service) -> None:
    first = sdk.responses.create(model=ALIAS, input="Remember the blue teapot. [[reply Noted.]]")
    second = sdk.responses.create(
        model=ALIAS, input="Which one? [[reply The blue one.]] (stored-chain)", previous_response_id=first.id
    )
    assert second.output_text == "The blue one."
    [asked] = service.upstream_requests("(stored-chain)")
    assert "Remember the blue teapot." in str(asked["body"])
    assert "Noted." in str(asked["body"])
    assert sdk.responses.retrieve(second.id).output_text == "The blue one."
    sdk.responses.delete(second.id)
    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve(second.id)


def test_a_response_that_is_cut_short_says_so(sdk: openai.OpenAI) -> None:
    with sdk.responses.stream(model=ALIAS, input="[[tokens 50]]", max_output_tokens=16) as stream:
        events = list(stream)
    last = events[-1]
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == "max_output_tokens"


def test_a_failed_upstream_becomes_the_right_error_and_counts_nothing(
    sdk: openai.OpenAI, service: Service, token: str
) -> None:
    for stream in (False, True):
        with pytest.raises(openai.InternalServerError) as raised:
            sdk.responses.create(model=ALIAS, input="[[status 500]]", stream=stream)
        assert raised.value.code == "upstream_error"
        assert "demo" not in str(raised.value.body)
    assert service.prompts_counted(token) == 0


def test_an_answer_that_breaks_off_raises_inside_the_stream(sdk: openai.OpenAI) -> None:
    events: list[ResponseStreamEvent] = []
    stream = sdk.responses.create(model=ALIAS, input="[[tokens 20]] [[pace 20]] [[drop 8]]", stream=True)
    with pytest.raises(openai.APIError) as raised:
        events.extend(stream)
    assert events[-1].type == "response.output_text.delta"
    assert "demo" not in str(raised.value.body)


def test_an_unknown_previous_response_is_refused(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        sdk.responses.create(model=ALIAS, input="hello", previous_response_id="resp_" + "x" * 30)
    assert raised.value.code == "previous_response_not_found"
    assert raised.value.param == "previous_response_id"
