"""What upstreams say of failures, and which of our errors it is, on every endpoint the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from blueprints.api_v1.errors import ContextTooLong, GatewayError, UpstreamBusy, UpstreamError, UpstreamRefused
from blueprints.api_v1.translation.chat_answer import chat_completion
from blueprints.api_v1.translation.chat_over_chat import ChatOverChat
from blueprints.api_v1.translation.upstream_errors import error_in_chunk, error_of, is_context_overflow
from tests.translation.responses_machine import machine, no_tokens

CONTEXT = {"message": "This model's maximum context length is 8192 tokens.", "code": None}
BUSY = {"message": "Slow down, please try again in 300ms", "code": "rate_limit_exceeded"}


def chat_stream(told: Any) -> None:
    translator = ChatOverChat(alias="a", answer_id="x", created=1, include_usage=False, new_call_id=str)
    translator.feed([orjson.dumps(told)])


def chat_whole(told: Any) -> None:
    chat_completion(told, alias="a", answer_id="x", created=1, new_call_id=str)


def responses_stream(told: Any) -> None:
    machine().feed([orjson.dumps(told)])


def responses_whole(told: Any) -> None:
    machine().whole(told, estimate=no_tokens)


FORMS = {
    "object": lambda error: {"error": error},
    "array": lambda error: [{"error": error}],
    "flat": lambda error: {"object": "error", **error},
    "choice": lambda error: {"choices": [{"index": 0, "delta": {}, "finish_reason": "error", "error": error}]},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("read", [chat_stream, chat_whole, responses_stream, responses_whole])
@pytest.mark.parametrize(("error", "kind"), [(CONTEXT, ContextTooLong), (BUSY, UpstreamBusy)])
def test_error_inside_an_answer_is_recognised_in_every_form(
    read: Callable[[Any], None], form: str, error: dict[str, Any], kind: type[GatewayError]
) -> None:
    with pytest.raises(kind) as raised:
        read(FORMS[form](error))
    assert error["message"] not in str(raised.value.body())


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("Rate limit reached. Please try again in 1.2s.", 2),
        ({"code": "429", "message": "Try again in 12 s"}, 12),
        ({"type": "too_many_requests"}, 5),
        ({"status": 429, "message": "try again in 3600s"}, 60),
    ],
)
def test_time_to_wait_is_what_the_upstream_asks_for_within_a_minute(told: object, seconds: int) -> None:
    error = error_of(told, param="input")
    assert isinstance(error, UpstreamBusy)
    assert error.retry_after == seconds
    assert f"Please try again in {seconds}s." in error.message


def test_refused_content_and_images_are_the_clients_own_error() -> None:
    for code in ("invalid_prompt", "invalid_image"):
        error = error_of({"code": code, "message": "x"}, param="input")
        assert isinstance(error, UpstreamRefused)
        assert not isinstance(error, ContextTooLong)


def test_answer_without_an_error_is_none() -> None:
    chunk = {"choices": [{"delta": {"content": "an error: maximum context length"}, "error": None}], "error": None}
    assert error_in_chunk(chunk, param="input") is None
    assert type(error_in_chunk(17, param="input")) is UpstreamError


def test_only_words_on_length_are_an_overflow() -> None:
    assert is_context_overflow("Prompt is too long: 9000 tokens")
    assert not is_context_overflow("Invalid temperature")


@pytest.mark.parametrize("told", ["what was said", ["what was said"], 4711])
@pytest.mark.parametrize("ask", [chat_stream, chat_whole, responses_stream, responses_whole])
def test_log_is_not_told_what_stands_where_an_object_should(ask: Callable[[Any], None], told: Any) -> None:
    with pytest.raises(UpstreamError) as caught:
        ask(told)
    assert caught.value.detail
    assert "said" not in caught.value.detail
    assert "4711" not in caught.value.detail
