"""JSON Schema as people read it: rows of a table, one for each field, and types in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

Shape = dict[str, Any]

_REF = "#/components/schemas/"
_PLAIN = {"integer": "integer", "number": "number", "string": "text", "boolean": "true or false", "object": "object",
          "null": "null", "array": "list"}  # fmt: skip


class Word(Struct, frozen=True):
    """A piece of a type: plain words, or the name of an object of the reference."""

    text: str
    is_object: bool = False


class Row(Struct, frozen=True):
    """One field. ``path`` is its full name, ``depth`` how many objects it lies in; ``limits`` are in words."""

    path: str
    depth: int
    type: list[Word]
    required: bool
    default: str | None
    meaning: str
    limits: str

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]


def fields(shape: Shape, schemas: dict[str, Shape], *, inline: bool = False) -> list[Row]:
    """Return the rows of an object's fields, nested objects behind the field that holds them.

    ``inline`` follows references too; without it they are named. A request's null means absent and is left out.
    """
    return list(_rows(shape, schemas, "", 0, inline))


def type_words(shape: Shape, *, nullable: bool = True) -> list[Word]:
    """Return a type in words."""
    if "$ref" in shape:
        return [Word(ref_name(shape), is_object=True)]
    if "const" in shape:
        return [Word(json.dumps(shape["const"]))]
    if "anyOf" in shape:
        several = [type_words(one) for one in shape["anyOf"] if nullable or one.get("type") != "null"]
        return _joined(several)
    kinds = shape.get("type", "any value")
    kinds = [kind for kind in kinds if nullable or kind != "null"] if isinstance(kinds, list) else [kinds]
    return _joined([_kind(kind, shape, nullable=nullable) for kind in kinds])


def ref_name(shape: Shape) -> str:
    """Return the name of the schema that a reference leads to."""
    return str(shape["$ref"]).removeprefix(_REF)


def _rows(shape: Shape, schemas: dict[str, Shape], before: str, depth: int, inline: bool) -> Iterator[Row]:
    needed = shape.get("required", [])
    for name, inner in shape.get("properties", {}).items():
        path = f"{before}{name}"
        yield Row(
            path=path,
            depth=depth,
            type=_inline_words(inner, schemas) if inline else type_words(inner),
            required=name in needed,
            default=json.dumps(inner["default"]) if "default" in inner else None,
            meaning=inner.get("description", ""),
            limits=_limits(inner),
        )
        for suffix, nested in _inside(inner, schemas, inline):
            yield from _rows(nested, schemas, f"{path}{suffix}.", depth + 1, inline)


def _inside(shape: Shape, schemas: dict[str, Shape], inline: bool) -> Iterator[tuple[str, Shape]]:
    """Give the objects inside a field, with what their place adds to its name."""
    if "$ref" in shape:
        if inline:
            yield from _inside(schemas[ref_name(shape)], schemas, inline)
    elif "properties" in shape:
        yield "", shape
    elif "items" in shape:
        yield from ((f"[]{suffix}", nested) for suffix, nested in _inside(shape["items"], schemas, inline))
    else:
        for one in shape.get("anyOf", []):
            yield from _inside(one, schemas, inline)


def _inline_words(shape: Shape, schemas: dict[str, Shape]) -> list[Word]:
    """Return a type whose references are told below it."""
    return [Word("object") if word.is_object else word for word in type_words(shape, nullable=False)]


def _kind(kind: str, shape: Shape, *, nullable: bool) -> list[Word]:
    if kind == "array" and "items" in shape:
        return [Word("list of "), *type_words(shape["items"], nullable=nullable)]
    return [Word(_PLAIN.get(kind, kind))]


def _joined(several: list[list[Word]]) -> list[Word]:
    words: list[Word] = []
    for place, one in enumerate(several):
        words += [Word(" or "), *one] if place else one
    return words


def _limits(shape: Shape) -> str:
    told = []
    for one in [shape, *shape.get("anyOf", [])]:
        if "enum" in one and one.get("type") != "boolean":
            told.append("One of " + ", ".join(f"`{value}`" for value in one["enum"] if value is not None) + ".")
        least, most = one.get("minimum"), one.get("maximum")
        if most is not None:
            told.append(f"{least:,} to {most:,}." if least is not None else f"{most:,} at most.")
        elif least is not None and least > 0:
            told.append(f"{least:,} at least.")
        for key, unit in (("maxLength", "characters"), ("maxItems", "entries"), ("maxProperties", "pairs")):
            if key in one:
                told.append(f"At most {one[key]:,} {unit}.")
    return " ".join(told)
