"""The JSON Schema of the fields that check a request: what each of them lets through, no more and no less."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from marshmallow import fields

from ..fields import Flag, Number, OneOf, Record, Records, Text, TextOrRecord, Texts, Whole
from ..schemas import ChatMessages
from ..schemas_responses import MOST_ITEMS, Metadata, Names, ResponsesInput
from .shapes import Shape, ref


def request_field_shape(_converter: object, field: fields.Field[Any], **_: Any) -> Shape:
    """Return a field's schema, as apispec asks for it; null means absent wherever a field may be absent.

    Raises:
        NotImplementedError: the class of the field has no schema here.
    """
    shape = field_shape(field)
    if field.required:
        return shape
    if isinstance(shape.get("type"), str):
        nullable = {**shape, "type": [shape["type"], "null"]}
        return {**nullable, "enum": [*shape["enum"], None]} if "enum" in shape else nullable
    return {**shape, "anyOf": [*shape["anyOf"], {"type": "null"}]}


@singledispatch
def field_shape(field: object) -> Shape:
    """Return what a field lets through, null aside."""
    raise NotImplementedError(f"{type(field).__name__} has no schema: write one in {__name__}")


@field_shape.register
def _(field: Text) -> Shape:
    return {"type": "string"} if field.longest is None else {"type": "string", "maxLength": field.longest}


@field_shape.register
def _(_field: Flag) -> Shape:
    return {"type": "boolean"}


@field_shape.register(Number)
@field_shape.register(Whole)
def _(field: Number | Whole) -> Shape:
    bounds = {"minimum": field.least, "maximum": field.most}
    shape: Shape = {"type": "integer" if isinstance(field, Whole) else "number"}
    return shape | {name: bound for name, bound in bounds.items() if bound is not None}


@field_shape.register
def _(field: OneOf) -> Shape:
    return {"type": "string", "enum": list(field.choices)}


@field_shape.register
def _(_field: Record) -> Shape:
    return {"type": "object"}


@field_shape.register
def _(_field: TextOrRecord) -> Shape:
    return {"anyOf": [{"type": "string"}, {"type": "object"}]}


@field_shape.register
def _(field: Records) -> Shape:
    shape: Shape = {"type": "array", "items": {"type": "object"}}
    return shape if field.most is None else {**shape, "maxItems": field.most}


@field_shape.register
def _(field: Texts) -> Shape:
    several = {"type": "array", "items": {"type": "string"}, "maxItems": field.most}
    return {"anyOf": [{"type": "string"}, several]}


@field_shape.register
def _(_field: Names) -> Shape:
    return {"type": "array", "items": {"type": "string"}}


@field_shape.register
def _(_field: Metadata) -> Shape:
    return {
        "type": "object",
        "maxProperties": 16,
        "propertyNames": {"maxLength": 64},
        "additionalProperties": {"type": "string", "maxLength": 512},
    }


@field_shape.register
def _(_field: ChatMessages) -> Shape:
    return {"type": "array", "minItems": 1, "items": ref("ChatMessage")}


@field_shape.register
def _(_field: ResponsesInput) -> Shape:
    return {"anyOf": [{"type": "string"}, {"type": "array", "maxItems": MOST_ITEMS, "items": ref("InputItem")}]}
