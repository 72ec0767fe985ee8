"""The body of ``POST responses``. Unknown fields are kept; items are judged by the translation.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import INCLUDE, Schema, fields

from .errors import InvalidRequest
from .fields import FieldFault, Flag, Number, Record, Records, Text, Whole, kind_of
from .schemas import EFFORTS, check_body

MOST_ITEMS = 20_000
_MOST_REFERENCES = 256  # each is looked up


class ResponsesInput(fields.Field[Any]):
    """A text, or a list of items. What the items hold is not judged here: clients add kinds every few weeks."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Any:
        if isinstance(value, str):
            return value
        if not isinstance(value, list):
            raise FieldFault(f"expected a string or a list of items, got {kind_of(value)}")
        for place, item in enumerate(value):
            if not isinstance(item, dict):
                raise FieldFault(f"expected an object, got {kind_of(item)}", path=f"[{place}]")
            if not isinstance(item.get("type") or "", str):
                raise FieldFault(f"expected a string, got {kind_of(item['type'])}", path=f"[{place}].type")
        if len(value) > MOST_ITEMS:
            raise FieldFault(f"more than {MOST_ITEMS:,} items", code="array_above_max_length")
        references = sum(item.get("type") == "item_reference" for item in value)
        if references > _MOST_REFERENCES:
            raise FieldFault(f"more than {_MOST_REFERENCES} references", code="array_above_max_length")
        return value


class Names(fields.Field[list[str]]):
    """A list of strings."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> list[str]:
        if not isinstance(value, list):
            raise FieldFault(f"expected a list of strings, got {kind_of(value)}")
        for place, name in enumerate(value):
            if not isinstance(name, str):
                raise FieldFault(f"expected a string, got {kind_of(name)}", path=f"[{place}]")
        return value


class Metadata(fields.Field[dict[str, str]]):
    """At most 16 pairs of strings; keys of 64 characters, values of 512."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> dict[str, str]:
        if not isinstance(value, dict):
            raise FieldFault(f"expected an object, got {kind_of(value)}")
        if len(value) > 16:
            raise FieldFault("more than 16 pairs", code="array_above_max_length")
        for key, text in value.items():
            if not isinstance(text, str):
                raise FieldFault(f"expected a string, got {kind_of(text)}", path=f".{key[:64]}")
            if len(key) > 64 or len(text) > 512:
                raise FieldFault("longer than allowed", code="string_above_max_length", path=f".{key[:64]}")
        return value


class ResponsesRequest(Schema):
    """``POST responses``."""

    class Meta:
        unknown = INCLUDE

    model = Text(longest=256)
    input = ResponsesInput()
    instructions = Text()
    previous_response_id = Text(longest=256)
    store = Flag()
    stream = Flag()
    stream_options = Record()
    background = Flag()
    include = Names()
    max_output_tokens = Whole(least=1)
    max_tool_calls = Whole(least=1)
    temperature = Number(0, 2)
    top_p = Number(0, 1)
    presence_penalty = Number(-2, 2)
    frequency_penalty = Number(-2, 2)
    top_logprobs = Whole(0, 20)
    reasoning = Record()
    text = Record()
    tools = Records(most=1024)
    parallel_tool_calls = Flag()
    truncation = Text(longest=64)
    metadata = Metadata()
    prompt_cache_key = Text(longest=1024)
    safety_identifier = Text(longest=1024)
    user = Text(longest=1024)
    service_tier = Text(longest=64)


_RESPONSES = ResponsesRequest()


def check_responses(body: dict[str, Any]) -> None:
    """Check the body of a Responses request.

    Raises:
        InvalidRequest: naming the first field that is wrong.
    """
    check_body(_RESPONSES, body)
    effort = (body.get("reasoning") or {}).get("effort")
    if effort is not None and effort not in EFFORTS:
        raise InvalidRequest(f"reasoning.effort: expected one of {', '.join(EFFORTS)}.", param="reasoning.effort")
    choice = body.get("tool_choice")
    if choice is not None and not isinstance(choice, str | dict):
        raise InvalidRequest(
            f"tool_choice: expected a string or an object, got {kind_of(choice)}.",
            code="invalid_type",
            param="tool_choice",
        )


def check_compact(body: dict[str, Any]) -> None:
    """Check the body of ``responses/compact``. Here the model must be named.

    Raises:
        InvalidRequest: naming the first field that is wrong.
    """
    check_responses(body)
    if body.get("model") is None:
        raise InvalidRequest("model: this field is required.", code="missing_required_parameter", param="model")
    if not body.get("input") and body.get("previous_response_id") is None:
        raise InvalidRequest("input: this field is required.", code="missing_required_parameter", param="input")
