"""The JavaScript SDK, unchanged, against the gateway; its stream helpers are strict about orders and ids."""

from __future__ import annotations

import json

import pytest

from tests_clients.javascript import JavaScript
from tests_clients.service import ALIAS, Service


def test_a_chat_is_the_same_whole_streamed_and_by_the_stream_helper(javascript: JavaScript) -> None:
    told = javascript.run("chat", model=ALIAS, prompt="[[reply Good wörk, all of you]]")
    whole, final = told["whole"], told["final"]
    assert whole["object"] == "chat.completion"
    assert whole["model"] == final["model"] == ALIAS
    assert whole["choices"][0]["message"]["content"] == "Good wörk, all of you"
    assert whole["choices"][0]["finish_reason"] == "stop"
    pieces = [choice["delta"].get("content") or "" for chunk in told["chunks"] for choice in chunk["choices"]]
    assert "".join(pieces) == "Good wörk, all of you"
    assert len([piece for piece in pieces if piece]) > 1
    assert "".join(told["deltas"]) == "Good wörk, all of you"
    assert final["choices"][0]["message"]["content"] == "Good wörk, all of you"
    assert told["chunks"][-1]["usage"] == whole["usage"]
    assert told["usage"]["total_tokens"] == whole["usage"]["total_tokens"]


def test_the_sdks_tool_loop_runs_to_its_end_in_one_prompt(javascript: JavaScript, service: Service, token: str) -> None:
    cities = [f'[[tool get_weather {{"city": "{city}"}}]]' for city in ("Paris", "Rome", "Oslo")]
    script = f"{cities[0]} {cities[1]} [[then]] {cities[2]} [[then]] [[reply Sunny everywhere.]]"
    for counted, stream in enumerate((False, True), start=1):
        told = javascript.run("chat_tools", model=ALIAS, stream=stream, prompt=script)
        assert sorted(told["asked"][:2]) == ["Paris", "Rome"]
        assert told["asked"][2:] == ["Oslo"]
        assert told["content"] == "Sunny everywhere."
        assert service.prompts_counted(token) == counted


def test_each_error_is_the_sdks_own_class(javascript: JavaScript, service: Service, token: str) -> None:
    tiny = service.new_token("tiny")
    broken = "[[tokens 20]] [[pace 20]] [[stream-error object@9]]"
    requests = [
        {"prompt": "[[reply x]]", "key": "sk-not-a-token"},
        {"prompt": "[[reply x]]", "model": "gpt-nonsense"},
        {"prompt": "[[status 400]] [[param temperature]]"},
        {"prompt": "[[status 500]]"},
        {"prompt": "[[status 500]]", "stream": True},
        {"prompt": broken, "stream": True},
        {"prompt": "[[reply x]]", "key": tiny},
        {"prompt": "[[reply x]]", "key": tiny},
    ]
    found = javascript.run("errors", model=ALIAS, requests=requests)
    first_of_tiny = found.pop(6)
    assert first_of_tiny is None
    assert [(error["name"], error["status"], error["code"]) for error in found] == [
        ("AuthenticationError", 401, "invalid_api_key"),
        ("NotFoundError", 404, "model_not_found"),
        ("BadRequestError", 400, found[2]["code"]),
        ("InternalServerError", 502, "upstream_error"),
        ("InternalServerError", 502, "upstream_error"),
        ("APIError", None, "upstream_error"),
        ("RateLimitError", 429, "insufficient_quota"),
    ]
    assert "demo" not in str(found)
    assert all(str(error["requestId"]).startswith("req_") for error in found if error["status"])
    assert service.prompts_counted(token) == 1  # the one that had begun to answer


def test_models_can_be_listed_and_retrieved(javascript: JavaScript) -> None:
    told = javascript.run("models", model=ALIAS)
    assert [model["id"] for model in told["listed"]] == [ALIAS]
    assert told["one"]["id"] == ALIAS


def test_a_response_is_the_same_whole_streamed_and_by_the_stream_helper(javascript: JavaScript) -> None:
    told = javascript.run("responses", model=ALIAS, prompt="[[reasoning I think.]] [[reply Good wörk, all]]")
    events = told["events"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert "".join(told["deltas"]) == "Good wörk, all"
    answers = [told["whole"], events[-1]["response"], told["final"]]
    for answer in answers:
        assert answer["status"] == "completed"
        assert answer["model"] == ALIAS
        assert [item["type"] for item in answer["output"]] == ["reasoning", "message"]
        assert answer["output"][1]["content"][0]["text"] == "Good wörk, all"
        assert answer["usage"] == told["whole"]["usage"]


def test_structured_output_is_parsed_by_the_stream_helper(javascript: JavaScript) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    text = {"format": {"type": "json_schema", "name": "place", "strict": True, "schema": schema}}
    told = javascript.run("responses", model=ALIAS, prompt="Which city?", more={"text": text})
    assert list(json.loads(told["final"]["output_text"])) == ["city"]


@pytest.mark.parametrize("stateless", [True, False], ids=["all-items", "previous-response"])
def test_function_calls_are_continued_in_one_prompt(
    javascript: JavaScript, service: Service, token: str, stateless: bool
) -> None:
    calls = [f'[[tool get_weather {{"city": "{city}"}}]]' for city in ("Paris", "Rome")]
    script = f"[[say I look.]] {' '.join(calls)} [[then]] [[reply Sunny in both.]]"
    told = javascript.run("responses_tools", model=ALIAS, prompt=script, stateless=stateless)
    assert [item["type"] for item in told["first"]["output"]] == ["message", "function_call", "function_call"]
    assert told["second"]["output_text"] == "Sunny in both."
    assert service.prompts_counted(token) == 1


def test_each_error_of_the_responses_endpoint_is_the_sdks_own_class(javascript: JavaScript, service: Service) -> None:
    requests = [
        {"prompt": "[[status 500]]", "responses": True},
        {"prompt": "[[status 500]]", "responses": True, "stream": True},
        {"prompt": "[[reply x]]", "responses": True, "model": "gpt-nonsense"},
        {"prompt": "[[status 400]] [[body context]]", "responses": True},
        {"prompt": "[[tokens 20]] [[pace 20]] [[drop 12]]", "responses": True, "stream": True},
    ]
    found = javascript.run("errors", model=ALIAS, requests=requests)
    assert [(error["name"], error["status"], error["code"]) for error in found[:-1]] == [
        ("InternalServerError", 502, "upstream_error"),
        ("InternalServerError", 502, "upstream_error"),
        ("NotFoundError", 404, "model_not_found"),
        ("BadRequestError", 400, "context_length_exceeded"),
    ]
    assert found[-1]["name"] == "APIError"
    assert "demo" not in str(found)


def test_classic_completions_come_whole_and_streamed(javascript: JavaScript) -> None:
    told = javascript.run("completions", model=ALIAS, prompt="[[reply once upon a time]]")
    assert told["whole"]["object"] == "text_completion"
    assert told["whole"]["choices"][0]["text"] == "once upon a time"
    assert "".join(told["pieces"]) == "once upon a time"
