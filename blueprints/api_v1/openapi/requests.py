"""The bodies of requests: the marshmallow schemas that check them, and the fields that are judged elsewhere."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from ..schemas import ChatRequest, CompletionRequest
from ..schemas_responses import ResponsesRequest
from .field_shapes import field_shape
from .request_words import DEFAULTS, WORDS
from .shapes import Shape, ref

_PASSED = (
    "Fields that are not listed are passed to the model as they are; null means absent. "
    "The length of the whole body is limited."
)


class Prompt(fields.Field[Any]):
    """The prompt of a completion, which is judged where it is planned."""


class ToolChoice(fields.Field[Any]):
    """The choice of a response's tools, which is judged beside the tools."""


@field_shape.register
def _(_field: Prompt) -> Shape:
    several = {"type": "array", "minItems": 1, "items": {"type": "string"}}
    return {"anyOf": [{"type": "string"}, several, {"type": "null"}]}


@field_shape.register
def _(_field: ToolChoice) -> Shape:
    return {"anyOf": [{"type": "string", "enum": ["auto", "none", "required"]}, {"type": "object"}]}


class CompletionBody(CompletionRequest):
    """A completion request with its prompt."""

    prompt = Prompt(required=True)


class ResponsesBody(ResponsesRequest):
    """A Responses request with its tool choice."""

    tool_choice = ToolChoice()


BODIES: dict[str, type[Schema]] = {
    "ChatCompletionRequest": ChatRequest,
    "CompletionRequest": CompletionBody,
    "ResponsesRequest": ResponsesBody,
}
_NEEDS_INPUT = [{"required": ["input"]}, {"required": ["previous_response_id"]}]
_LOGPROBS_FOR_ALTERNATIVES = {
    "if": {"required": ["top_logprobs"], "properties": {"top_logprobs": {"type": "integer"}}},
    "then": {"required": ["logprobs"], "properties": {"logprobs": {"const": True}}},
}
MORE: dict[str, dict[str, Any]] = {
    "ChatCompletionRequest": {"description": f"A chat. {_PASSED}", "allOf": [_LOGPROBS_FOR_ALTERNATIVES]},
    "CompletionRequest": {"description": f"Texts to continue. {_PASSED}"},
    "ResponsesRequest": {"description": f"What to answer. {_PASSED}", "anyOf": _NEEDS_INPUT},
}

# Made of one of the bodies.
DERIVED: dict[str, Shape] = {
    "CompactRequest": {
        "description": "The same body with a model that is named. `stream` and `store` are without effect here.",
        "allOf": [ref("ResponsesRequest")],
        "required": ["model"],
        "properties": {"model": {"type": "string"}},
    }
}


def field_words(_converter: object, field: fields.Field[Any], **_: Any) -> Shape:
    """Return what a field means and what it is where it is left out, as apispec asks for it.

    Raises:
        KeyError: nobody has written what it means.
    """
    name = str(field.name)
    checked_by = next(kind for kind in type(field.parent).__mro__ if kind in WORDS)
    told: Shape = {"description": WORDS[checked_by][name]}
    return told | ({"default": DEFAULTS[checked_by][name]} if name in DEFAULTS[checked_by] else {})
