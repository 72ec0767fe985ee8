"""Reading the three APIs as a strict client does: whatever is not well-formed fails here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tests.faults.backend import BEGUN

APIS = ("chat/completions", "completions", "responses")

_RESPONSE_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
_FINISHES = {"stop", "length", "tool_calls", "content_filter"}


@dataclass(frozen=True)
class Read:
    """What a client has understood: the text, and how it ended; ``error`` is the code that it was told."""

    text: str
    end: str
    error: str | None = None


def request_body(api: str, alias: str, words: str, *, stream: bool) -> dict[str, Any]:
    """A request of one API with a single prompt."""
    body: dict[str, Any] = {"model": alias, "stream": stream}
    if api == "chat/completions":
        return {**body, "messages": [{"role": "user", "content": words}]}
    return {**body, "prompt" if api == "completions" else "input": words}


def read_error(raw: bytes) -> dict[str, Any]:
    """The error of an answer that is nothing but one."""
    told = json.loads(raw)
    assert list(told) == ["error"]
    return _error(told["error"])


def read_whole(api: str, raw: bytes, alias: str) -> Read:
    """A whole answer of success."""
    told = json.loads(raw)
    assert told["model"] == alias
    if api == "responses":
        response = Response.model_validate(told)
        assert response.error is None
        return Read(response.output_text, str(response.status))
    if api == "completions":
        choice = Completion.model_validate(told).choices[0]
        return Read(choice.text, choice.finish_reason)
    answer = ChatCompletion.model_validate(told)
    assert len(answer.choices) == 1
    return Read(answer.choices[0].message.content or "", answer.choices[0].finish_reason)


def read_stream(api: str, raw: bytes, alias: str) -> Read:
    """A stream from its first event to ``[DONE]``."""
    blocks = raw.decode().split("\n\n")
    assert blocks.pop() == "", "the last event has no end"
    blocks = [block for block in blocks if block != ": keep-alive"]
    assert blocks.pop() == "data: [DONE]"
    if api == "responses":
        return _read_responses_stream(blocks, alias)
    return _read_chunks(api, [_data(block) for block in blocks], alias)


def has_output(api: str, piece: bytes) -> bool:
    """Whether a piece of a stream holds a word of an answer that was begun."""
    return BEGUN.encode() in piece and (api != "responses" or b"output_text.delta" in piece)


def _read_chunks(api: str, chunks: list[dict[str, Any]], alias: str) -> Read:
    error = None
    if "error" in chunks[-1]:
        last = chunks.pop()
        assert list(last) == ["error"]
        error = _error(last["error"])["code"]
    choices = []
    for chunk in chunks:
        assert chunk["model"] == alias
        assert (chunk["id"], chunk["created"]) == (chunks[0]["id"], chunks[0]["created"])
        (Completion if api == "completions" else ChatCompletionChunk).model_validate(_finished(api, chunk))
        [choice] = chunk["choices"]
        choices.append(choice)
    if api == "completions":
        text = "".join(choice["text"] for choice in choices)
    else:
        assert choices[0]["delta"] == {"role": "assistant", "content": ""}
        text = "".join(choice["delta"].get("content") or "" for choice in choices)
    finishes = [choice["finish_reason"] for choice in choices]
    assert not any(finishes[:-1])
    if error is not None:
        assert finishes[-1] is None
        return Read(text, "error", error)
    assert finishes[-1] in _FINISHES
    return Read(text, finishes[-1])


def _finished(api: str, chunk: dict[str, Any]) -> dict[str, Any]:
    """The SDK's type for completions knows no chunk that goes on."""
    if api != "completions":
        return chunk
    return {**chunk, "choices": [{**one, "finish_reason": one["finish_reason"] or "stop"} for one in chunk["choices"]]}


def _read_responses_stream(blocks: list[str], alias: str) -> Read:
    events = []
    for number, block in enumerate(blocks):
        name, _, data = block.partition("\n")
        event = _data(data)
        assert name == f"event: {event['type']}"
        assert event["sequence_number"] == number
        _RESPONSE_EVENT.validate_python(event)
        events.append(event)
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds.count("response.created") == kinds.count("response.in_progress") == 1
    text = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    last = events[-1]
    response = Response.model_validate(last["response"])
    assert last["response"]["model"] == alias
    assert response.id == events[0]["response"]["id"]
    assert response.output_text == text
    if kinds[-1] == "response.failed":
        assert kinds[-2] == "error"
        told = events[-2]
        assert {key: told[key] for key in ("code", "message", "param")}.items() <= told["error"].items()
        _error(told["error"])
        assert response.error is not None
        assert (response.error.code, response.error.message) == (told["code"], told["message"])
        assert response.status == "failed"
        return Read(text, "error", told["code"])
    assert "error" not in kinds
    assert kinds[-1] == f"response.{response.status}"
    return Read(text, str(response.status))


def _data(block: str) -> dict[str, Any]:
    assert block.startswith("data: ")
    assert "\n" not in block
    told: dict[str, Any] = json.loads(block.removeprefix("data: "))
    return told


def _error(error: dict[str, Any]) -> dict[str, Any]:
    assert {"message", "type", "param", "code"} == error.keys()
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error["type"], str)
    assert isinstance(error["code"], str)
    assert error["param"] is None or isinstance(error["param"], str)
    return error
