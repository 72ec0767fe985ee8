"""The request bodies that the API takes. Unknown fields are kept: they are the upstream's to judge.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from marshmallow import INCLUDE, Schema, fields

from .errors import InvalidRequest
from .fields import FieldFault, Flag, Number, OneOf, Record, Records, Text, TextOrRecord, Texts, Whole, kind_of

ROLES = ("developer", "system", "user", "assistant", "tool", "function")
_USUAL_LEVELS = 6  # body, messages, message, content, part, image
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


class ChatMessages(fields.Field[list[dict[str, Any]]]):
    """The conversation so far: at least one message, each with a role and a content that fits it."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> list[dict[str, Any]]:
        if not isinstance(value, list):
            raise FieldFault(f"expected a list of messages, got {kind_of(value)}")
        if not value:
            raise FieldFault("expected at least one message", code="invalid_value")
        for place, message in enumerate(value):
            _check_message(message, f"[{place}]")
        return value


class ChatRequest(Schema):
    """``POST chat/completions``."""

    class Meta:
        unknown = INCLUDE

    model = Text(longest=256)
    messages = ChatMessages(required=True)
    stream = Flag()
    stream_options = Record()
    max_completion_tokens = Whole(least=1)
    max_tokens = Whole(least=1)
    temperature = Number(0, 2)
    top_p = Number(0, 1)
    presence_penalty = Number(-2, 2)
    frequency_penalty = Number(-2, 2)
    stop = Texts(most=4)
    seed = Whole()
    logit_bias = Record()
    n = Whole(1, 128)
    logprobs = Flag()
    top_logprobs = Whole(0, 20)
    tools = Records(most=1024)
    tool_choice = TextOrRecord()
    parallel_tool_calls = Flag()
    response_format = Record()
    reasoning_effort = OneOf(*EFFORTS)
    metadata = Record()
    user = Text(longest=1024)


class CompletionRequest(Schema):
    """``POST completions``; the prompt itself is judged where it is planned."""

    class Meta:
        unknown = INCLUDE

    model = Text(longest=256)
    suffix = Text()
    stream = Flag()
    stream_options = Record()
    max_tokens = Whole(least=1)
    temperature = Number(0, 2)
    top_p = Number(0, 1)
    presence_penalty = Number(-2, 2)
    frequency_penalty = Number(-2, 2)
    stop = Texts(most=4)
    seed = Whole()
    logit_bias = Record()
    n = Whole(1, 128)
    best_of = Whole(1, 128)
    logprobs = Whole(0, 5)
    echo = Flag()
    user = Text(longest=1024)


_CHAT = ChatRequest()
_COMPLETION = CompletionRequest()


def check_chat(body: dict[str, Any]) -> None:
    """Check the body of a chat request.

    Raises:
        InvalidRequest: naming the first field that is wrong.
    """
    check_body(_CHAT, body)
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        raise InvalidRequest("top_logprobs: needs logprobs to be true.", param="top_logprobs")
    _check_include_usage(body)


def check_completions(body: dict[str, Any]) -> None:
    """Check the body of a completions request, but for its prompt.

    Raises:
        InvalidRequest: naming the first field that is wrong.
    """
    check_body(_COMPLETION, body)
    _check_include_usage(body)


def check_body(schema: Schema, body: dict[str, Any]) -> None:
    # marshmallow's own load walks over every field that a body could have. A request has few of them and
    # is never copied, so its own keys are walked over instead; null means absent.
    known = schema.fields
    for name, value in body.items():
        field = known.get(name)
        if field is None or value is None:
            continue
        try:
            field.deserialize(value, name, body)
        except FieldFault as fault:
            path = name + fault.path
            raise InvalidRequest(f"{path}: {fault.message}.", code=fault.code, param=path) from fault
    _check_nesting(body)
    for name, field in known.items():
        if field.required and body.get(name) is None:
            raise InvalidRequest(f"{name}: this field is required.", code="missing_required_parameter", param=name)


def _check_nesting(body: dict[str, Any]) -> None:
    """Refuse what could be read but not be written out again."""
    if _is_flat(body):
        return
    try:
        orjson.dumps(body)
    except orjson.JSONEncodeError:
        for name, value in body.items():
            if not _can_be_written(value):
                raise InvalidRequest(f"{name[:100]}: nested too deeply.", param=name[:100]) from None
        raise InvalidRequest("The body is nested too deeply.") from None


def _is_flat(body: dict[str, Any]) -> bool:
    """Tell at a glance, whatever the length of its texts, that a body is nested no deeper than messages are."""
    level: list[Any] = [body]
    for _ in range(_USUAL_LEVELS):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return True
    return False


def _can_be_written(value: object) -> bool:
    try:
        orjson.dumps({"": value})
    except orjson.JSONEncodeError:
        return False
    return True


def _check_message(message: object, path: str) -> None:
    if not isinstance(message, dict):
        raise FieldFault(f"expected an object, got {kind_of(message)}", path=path)
    role = message.get("role")
    if not isinstance(role, str):
        code = "missing_required_parameter" if role is None else "invalid_type"
        raise FieldFault("expected a role", code=code, path=f"{path}.role")
    if role not in ROLES:
        raise FieldFault(f"expected one of {', '.join(ROLES)}", code="invalid_value", path=f"{path}.role")
    _check_content(message.get("content"), role, f"{path}.content")
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        raise FieldFault("expected the id of the call", code="missing_required_parameter", path=f"{path}.tool_call_id")
    calls = message.get("tool_calls")
    if calls is not None and not (isinstance(calls, list) and all(isinstance(call, dict) for call in calls)):
        raise FieldFault("expected a list of calls", path=f"{path}.tool_calls")


def _check_content(content: object, role: str, path: str) -> None:
    if content is None:
        if role in ("system", "developer", "user"):
            raise FieldFault("expected a string or a list of parts", code="missing_required_parameter", path=path)
        return
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise FieldFault(f"expected a string or a list of parts, got {kind_of(content)}", path=path)
    for place, part in enumerate(content):
        inside = f"{path}[{place}]"
        if not isinstance(part, dict):
            raise FieldFault(f"expected an object, got {kind_of(part)}", path=inside)
        if not isinstance(part.get("type"), str):
            raise FieldFault("expected the kind of the part", code="missing_required_parameter", path=f"{inside}.type")
        if part["type"] == "text" and not isinstance(part.get("text"), str):
            raise FieldFault("expected a string", path=f"{inside}.text")
        if part["type"] == "image_url":
            image = part.get("image_url")
            if not isinstance(image, dict) or not isinstance(image.get("url"), str):
                raise FieldFault("expected an object with a url", path=f"{inside}.image_url")


def _check_include_usage(body: dict[str, Any]) -> None:
    include_usage = (body.get("stream_options") or {}).get("include_usage")
    if include_usage is not None and not isinstance(include_usage, bool):
        raise InvalidRequest(
            f"stream_options.include_usage: expected true or false, got {kind_of(include_usage)}.",
            code="invalid_type",
            param="stream_options.include_usage",
        )
