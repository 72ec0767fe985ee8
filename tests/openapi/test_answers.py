"""Every answer of a running gateway fits the document: status, headers, type, body, every event of a stream."""

from __future__ import annotations

from typing import Any

import pytest

from tests.openapi.conftest import Described
from tests.openapi.recording import events_of

CHAT_ALIASES = ("smart-route-mini", "smart-route")  # over chat, over the upstream's own Responses API
FUNCTION = {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}

CHATS: dict[str, dict[str, Any]] = {
    "text": {"words": "Say hello"},
    "usage in the stream": {"words": "Say hello", "stream_options": {"include_usage": True}},
    "reasoning": {"words": "[[reasoning I add the two]] 1 + 1?"},
    "refusal": {"words": "[[refusal I would rather not]]"},
    "several answers": {"words": "Say hello", "n": 2},
    "probabilities": {"words": "[[reply Good morning]]", "logprobs": True, "top_logprobs": 2},
    "a call": {
        "words": '[[tool get_weather {"city": "Paris"}]]',
        "tools": [{"type": "function", "function": FUNCTION}],
    },
    "two calls beside words": {
        "words": '[[say Let me look.]] [[tool get_weather {"city": "Paris"}]] [[tool get_weather {"city": "Rome"}]]',
        "tools": [{"type": "function", "function": FUNCTION}],
    },
    "a custom tool": {
        "words": '[[custom patch "a\\nb"]]',
        "tools": [{"type": "custom", "custom": {"name": "patch"}}],
    },
    "cut at the limit": {"words": "Say hello", "max_completion_tokens": 3},
    "filtered": {"words": "[[finish content_filter]]"},
    "empty": {"words": "[[no-text]]"},
    "no counts told": {"words": "[[usage missing]]"},
}
COMPLETIONS: dict[str, dict[str, Any]] = {
    "text": {"prompt": "Once upon a time"},
    "several texts": {"prompt": ["One", "Two"], "n": 2},
    "probabilities with the prompt": {"prompt": "Once", "logprobs": 2, "echo": True},
    "a gap": {"prompt": "def f():", "suffix": "return 1", "max_tokens": 3},
}
RESPONSES: dict[str, dict[str, Any]] = {
    "text": {"input": "Say hello"},
    "items": {"input": [{"role": "user", "content": "Say hello"}], "instructions": "Be brief", "metadata": {"a": "b"}},
    "reasoning": {"input": "[[reasoning I add the two]] 1 + 1?"},
    "a summary of reasoning": {
        "input": "[[reasoning I add the two]] 1 + 1?",
        "reasoning": {"summary": "auto"},
        "include": ["reasoning.encrypted_content"],
    },
    "refusal": {"input": "[[refusal I would rather not]]"},
    "probabilities": {"input": "[[reply Good]]", "include": ["message.output_text.logprobs"], "top_logprobs": 2},
    "two calls": {
        "input": '[[tool get_weather {"city": "Paris"}]] [[tool get_weather {"city": "Rome"}]]',
        "tools": [{"type": "function", **FUNCTION}],
        "tool_choice": "auto",
    },
    "a tool of a namespace": {
        "input": '[[tool maps__find {"a": 1}]]',
        "tools": [{"type": "namespace", "name": "maps", "tools": [{"type": "function", "name": "find"}]}],
    },
    "a custom tool": {"input": '[[custom patch "a\\nb"]]', "tools": [{"type": "custom", "name": "patch"}]},
    "cut at the limit": {"input": "Say hello", "max_output_tokens": 3},
    "filtered": {"input": "[[finish content_filter]]"},
    "empty": {"input": "[[no-text]]"},
    "JSON": {"input": "[[reply {}]]", "text": {"format": {"type": "json_object"}, "verbosity": "low"}},
    "a compaction": {"input": [{"role": "user", "content": "My cat is Mia."}, {"type": "compaction_trigger"}]},
}
# Each on an alias of its own: a route that fails five times is left out.
BROKEN = {"broken": "[[pace 5]] [[cut 4]]", "fragile": "[[pace 5]] [[stream-error object@4]]"}
NOTHING: dict[str, Any] = {}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("alias", CHAT_ALIASES)
@pytest.mark.parametrize("case", CHATS)
def test_chat_answers_as_described(described: Described, case: str, alias: str, stream: bool) -> None:
    fields = dict(CHATS[case])
    messages = [{"role": "user", "content": fields.pop("words")}]
    if not stream:
        fields.pop("stream_options", None)
    answer = described.ask(
        "post", "/chat/completions", {"model": alias, "messages": messages, "stream": stream, **fields}
    )
    assert answer.status_code == 200, answer.text
    described.contract.check_answer("post", "/chat/completions", answer)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("alias", CHAT_ALIASES)
@pytest.mark.parametrize("case", COMPLETIONS)
def test_completion_answers_as_described(described: Described, case: str, alias: str, stream: bool) -> None:
    answer = described.ask("post", "/completions", {"model": alias, "stream": stream, **COMPLETIONS[case]})
    assert answer.status_code == 200, answer.text
    described.contract.check_answer("post", "/completions", answer)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("alias", CHAT_ALIASES)
@pytest.mark.parametrize("case", RESPONSES)
def test_response_answers_as_described(described: Described, case: str, alias: str, stream: bool) -> None:
    answer = described.ask("post", "/responses", {"model": alias, "stream": stream, **RESPONSES[case]})
    assert answer.status_code == 200, answer.text
    described.contract.check_answer("post", "/responses", answer)


def question(path: str, words: str) -> dict[str, Any]:
    """The smallest body of an endpoint that asks something."""
    if path == "/chat/completions":
        return {"messages": [{"role": "user", "content": words}]}
    return {"prompt": words} if path == "/completions" else {"input": words}


@pytest.mark.parametrize("path", ["/chat/completions", "/responses", "/completions"])
@pytest.mark.parametrize("alias", BROKEN)
def test_stream_that_breaks_ends_as_described(described: Described, path: str, alias: str) -> None:
    answer = described.ask("post", path, {"model": alias, "stream": True, **question(path, BROKEN[alias])})
    last = events_of(answer.text)[-1]
    assert "error" in last or last["type"] == "response.failed"
    described.contract.check_answer("post", path, answer)


def test_stored_response_is_shown_listed_and_deleted_as_described(described: Described) -> None:
    kept = described.ask("post", "/responses", {"input": "Say hello"}).json()["id"]
    for method, path in (
        ("get", "/responses/{response_id}"),
        ("get", "/responses/{response_id}/input_items"),
        ("post", "/responses/{response_id}/cancel"),
        ("delete", "/responses/{response_id}"),
        ("delete", "/responses/{response_id}"),
        ("get", "/responses/{response_id}"),
    ):
        described.contract.check_answer(method, path, described.ask(method, path.format(response_id=kept)))


@pytest.mark.parametrize(
    ("method", "path", "body", "asked"),
    [
        ("post", "/responses/compact", {"model": "smart-route", "input": "My cat is Mia."}, None),
        ("post", "/responses/input_tokens", {"input": "Say hello"}, None),
        ("get", "/models", None, None),
        ("get", "/models", None, "/models?client_version=0.169.0"),
        ("get", "/models/{alias}", None, "/models/smart-route-mini"),
        ("get", "/usage", None, None),
    ],
)
def test_other_endpoint_answers_as_described(
    described: Described, method: str, path: str, body: Any, asked: str | None
) -> None:
    for token in (described.token, described.plus_token):
        answer = described.ask(method, asked or path, body, token=token)
        assert answer.status_code == 200, answer.text
        described.contract.check_answer(method, path, answer)


def test_list_that_a_client_has_is_answered_as_described(described: Described) -> None:
    tag = described.ask("get", "/models").headers["ETag"]
    answer = described.ask("get", "/models", headers={"If-None-Match": tag})
    assert answer.status_code == 304
    described.contract.check_answer("get", "/models", answer)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/chat/completions", NOTHING, 400),
        ("/chat/completions", {"messages": [{"role": "user", "content": "a"}], "temperature": "warm"}, 400),
        ("/chat/completions", {"messages": [{"role": "user", "content": "a"}], "model": "nobody"}, 404),
        ("/completions", NOTHING, 400),
        ("/completions", {"prompt": [1, 2]}, 400),
        ("/completions", {"prompt": ["a"] * 17}, 400),
        ("/responses", NOTHING, 400),
        ("/responses", {"input": "a", "previous_response_id": "resp_x"}, 400),
        ("/responses", {"input": "a", "background": True}, 400),
        ("/responses", {"input": [{"type": "compaction", "encrypted_content": "x"}]}, 400),
        ("/responses/compact", {"input": "a"}, 400),
        ("/responses/input_tokens", {"input": 3}, 400),
    ],
)
def test_request_that_is_refused_is_answered_as_described(
    described: Described, path: str, body: Any, status: int
) -> None:
    body = {"model": "smart-route-mini", **body} if body and "compact" not in path else body
    answer = described.ask("post", path, body)
    assert answer.status_code == status, answer.text
    described.contract.check_answer("post", path, answer)


# A route that fails is left out for a while, so that what a failure is called depends on those before it.
@pytest.mark.parametrize("path", ["/chat/completions", "/completions", "/responses"])
@pytest.mark.parametrize(
    "words",
    [
        "[[status 400]] [[body context]]",
        "[[status 400]]",
        "[[status 400]] [[code invalid_prompt]]",
        "[[status 500]]",
        "[[status 429]] [[retry-after 1]]",
        "[[status 429]]",
        "[[body garbage]]",
        "[[body empty]]",
    ],
)
def test_failure_of_the_model_is_answered_as_described(described: Described, path: str, words: str) -> None:
    answer = described.ask("post", path, {"model": "fragile", **question(path, words)})
    assert answer.status_code in (400, 429, 502, 503), answer.text
    described.contract.check_answer("post", path, answer)


@pytest.mark.parametrize("path", ["/chat/completions", "/completions", "/responses", "/responses/compact"])
def test_used_up_quota_and_wrong_token_are_answered_as_described(described: Described, path: str) -> None:
    body = {"model": "smart-route-mini", **question(path, "Hello")}
    for token, status in ((described.spent_token, 429), ("sr_wrong", 401)):
        answer = described.ask("post", path, body, token=token)
        assert answer.status_code == status, answer.text
        described.contract.check_answer("post", path, answer)


@pytest.mark.parametrize(
    ("headers", "data", "status"),
    [
        ({"Content-Type": "application/json"}, b"{", 400),
        ({"Content-Type": "text/plain"}, b"hello", 415),
        ({"Content-Type": "application/json"}, b'{"a": "' + b"x" * 33 * 1024 * 1024 + b'"}', 413),
    ],
    ids=["no JSON", "another type", "too large"],
)
def test_body_that_cannot_be_read_is_answered_as_described(
    described: Described, headers: dict[str, str], data: bytes, status: int
) -> None:
    answer = described.ask("post", "/chat/completions", headers=headers, data=data)
    assert answer.status_code == status, answer.text
    described.contract.check_answer("post", "/chat/completions", answer)
