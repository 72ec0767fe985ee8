"""Classic completions planned as chat calls, and whole answers made of theirs."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types import Completion

from blueprints.api_v1.errors import InvalidRequest, UpstreamError
from blueprints.api_v1.translation.completions_over_chat import completion_answer, plan_completion

KNOWN: dict[str, Any] = {"alias": "smart-route", "answer_id": "cmpl-own", "created": 1}


def chat(*texts: str | None, finish: str = "stop", usage: Any = None, **more: Any) -> dict[str, Any]:
    choices = [
        {"index": index, "message": {"role": "assistant", "content": text, **more}, "finish_reason": finish}
        for index, text in enumerate(texts)
    ]
    return {"id": "BACKEND", "object": "chat.completion", "model": "BACKEND", "choices": choices, "usage": usage}


def answer(body: dict[str, Any], *answers: Any, **plan: Any) -> dict[str, Any]:
    told = completion_answer(plan_completion(body, **plan), answers, **KNOWN)
    Completion.model_validate(told)
    assert "BACKEND" not in str(told)
    return told


def texts(told: dict[str, Any]) -> list[tuple[int, str]]:
    return [(choice["index"], choice["text"]) for choice in told["choices"]]


def test_prompt_becomes_one_user_message_and_the_answer_a_text() -> None:
    body = {"model": "smart-route", "prompt": "Once", "max_tokens": 5, "stop": ["x"], "user": None, "best_of": 1}
    [request] = plan_completion(body).requests
    assert request.pop("messages")[1] == {"role": "user", "content": "Once"}
    assert request == {"model": "smart-route", "max_tokens": 5, "stop": ["x"]}
    usage = {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}
    assert answer(body, chat(" upon", usage=usage)) == {
        "id": "cmpl-own",
        "object": "text_completion",
        "created": 1,
        "model": "smart-route",
        "choices": [{"text": " upon", "index": 0, "logprobs": None, "finish_reason": "stop"}],
        "usage": usage,
    }


def test_absent_max_tokens_is_not_sent() -> None:
    assert "max_tokens" not in plan_completion({"prompt": "a"}).requests[0]


def test_conf_031_compl_from_chat_array_prompts_index_rule() -> None:
    usage = {
        "prompt_tokens": 2,
        "completion_tokens": 1,
        "total_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 1},
    }
    body = {"prompt": ["a", "b"], "n": 2}
    assert [request["n"] for request in plan_completion(body).requests] == [2, 2]
    told = answer(body, chat("a0", "a1", usage=usage), chat("b0", "b1", usage=usage))
    assert texts(told) == [(0, "a0"), (1, "a1"), (2, "b0"), (3, "b1")]
    assert told["usage"] == {
        "prompt_tokens": 4,
        "completion_tokens": 2,
        "total_tokens": 6,
        "prompt_tokens_details": {"cached_tokens": 2},
    }


def test_n_that_the_upstream_does_not_know_becomes_calls() -> None:
    body = {"prompt": ["a", "b"], "n": 2}
    assert all("n" not in request for request in plan_completion(body, emulate_n=True).requests)
    told = answer(body, chat("a0", "more than asked"), chat("a1"), chat("b0"), chat("b1"), emulate_n=True)
    assert texts(told) == [(0, "a0"), (1, "a1"), (2, "b0"), (3, "b1")]
    assert "usage" not in told


@pytest.mark.parametrize(
    ("body", "emulate_n", "param"),
    [
        ({"prompt": ["a"] * 17}, False, "prompt"),
        ({"prompt": ["a"] * 9, "n": 2}, True, "n"),
        ({"prompt": "a", "n": 17}, True, "n"),
    ],
)
def test_more_than_16_calls_are_refused(body: dict[str, Any], emulate_n: bool, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        plan_completion(body, emulate_n=emulate_n)
    assert (caught.value.code, caught.value.param) == ("array_above_max_length", param)
    assert len(plan_completion({"prompt": ["a"] * 8, "n": 2}, emulate_n=True).calls) == 16


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"prompt": [1, 2]}, "unsupported_value", "prompt"),
        ({"prompt": [[1, 2], [3]]}, "unsupported_value", "prompt"),
        ({}, "missing_required_parameter", "prompt"),
        ({"prompt": []}, "invalid_value", "prompt"),
        ({"prompt": 5}, "invalid_type", "prompt"),
        ({"prompt": ["a", None]}, "invalid_type", "prompt[1]"),
        ({"prompt": [True]}, "invalid_type", "prompt[0]"),
        ({"prompt": "a", "best_of": 3, "n": 2}, "unsupported_value", "best_of"),
        ({"prompt": "a", "best_of": 1, "n": 2}, "invalid_value", "best_of"),
        ({"prompt": "a", "logprobs": 6}, "invalid_value", "logprobs"),
        ({"prompt": "a", "logprobs": True}, "invalid_type", "logprobs"),
        ({"prompt": "a", "suffix": 1}, "invalid_type", "suffix"),
        ({"prompt": "a", "echo": 1}, "invalid_type", "echo"),
        ({"prompt": "a", "n": 0}, "invalid_value", "n"),
    ],
)
def test_conf_032_compl_token_prompt_and_wrong_fields_are_refused(body: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        plan_completion(body)
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, code, param)


def test_null_prompt_begins_a_new_document() -> None:
    assert plan_completion({"prompt": None}).requests[0]["messages"][1]["content"] == ""


@pytest.mark.parametrize("told", ["middle", "```python\nmiddle\n```", " ```\nmiddle```\n", "```middle```"])
def test_conf_032_suffix_fills_the_middle(told: str) -> None:
    body = {"prompt": "def f():", "suffix": "return x", "echo": True}
    [request] = plan_completion(body).requests
    assert "<prefix>def f():</prefix>" in request["messages"][1]["content"]
    assert "<suffix>return x</suffix>" in request["messages"][1]["content"]
    assert texts(answer(body, chat(told))) == [(0, "def f():middle")]


def test_fence_of_a_plain_continuation_is_text() -> None:
    assert texts(answer({"prompt": "a", "suffix": ""}, chat("```\nx\n```"))) == [(0, "```\nx\n```")]


def test_conf_033_compl_echo_logprobs() -> None:
    body = {"prompt": "Once", "echo": True, "logprobs": 2}
    [request] = plan_completion(body).requests
    assert (request["logprobs"], request["top_logprobs"]) == (True, 2)
    told = chat(" upon a")
    tops = [{"token": " upon", "logprob": -0.1, "bytes": None}, {"token": " in", "logprob": -3.0, "bytes": None}]
    told["choices"][0]["logprobs"] = {
        "content": [
            {"token": " upon", "logprob": -0.1, "bytes": None, "top_logprobs": tops},
            {"token": " a", "logprob": -0.2, "bytes": None, "top_logprobs": []},
        ]
    }
    [choice] = answer(body, told)["choices"]
    assert choice["text"] == "Once upon a"
    assert choice["logprobs"] == {
        "tokens": [" upon", " a"],
        "token_logprobs": [-0.1, -0.2],
        "top_logprobs": [{" upon": -0.1, " in": -3.0}, {}],
        "text_offset": [4, 9],
    }


def test_calls_reasoning_and_refusals_leave_text_and_a_known_finish_reason() -> None:
    call = {"id": "BACKEND", "type": "function", "function": {"name": "BACKEND", "arguments": "{}"}}
    [choice] = answer({"prompt": "a"}, chat(None, finish="tool_calls", tool_calls=[call]))["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("", "stop")
    assert texts(answer({"prompt": "a"}, chat("b", reasoning_content="BACKEND"))) == [(0, "b")]
    assert texts(answer({"prompt": "a"}, chat(None, refusal="No."))) == [(0, "No.")]
    assert answer({"prompt": "a"}, chat("b", finish="max_tokens"))["choices"][0]["finish_reason"] == "length"


def test_answer_that_is_no_chat_completion_is_an_upstream_error() -> None:
    with pytest.raises(UpstreamError):
        completion_answer(plan_completion({"prompt": "a"}), [{"error": "BACKEND"}], **KNOWN)
