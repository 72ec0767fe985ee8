"""Short ways to write JSON Schema, for the shapes of answers, which no marshmallow schema checks."""

from __future__ import annotations

from typing import Any

Shape = dict[str, Any]


def ref(name: str) -> Shape:
    """Return a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(about: str, /, *, may_miss: tuple[str, ...] = (), **properties: Shape) -> Shape:
    """Return an object whose properties are always there, but for those that ``may_miss``."""
    shape: Shape = {"type": "object", "properties": properties}
    always = [name for name in properties if name not in may_miss]
    if always:
        shape["required"] = always
    return _told(shape, about)


def text(about: str = "", **more: Any) -> Shape:
    """Return a string."""
    return _told({"type": "string", **more}, about)


def const(value: str, about: str = "") -> Shape:
    """Return a string that is always the same."""
    return _told({"type": "string", "const": value}, about)


def one_of(*choices: str, about: str = "") -> Shape:
    """Return a string that is one of a few."""
    return _told({"type": "string", "enum": list(choices)}, about)


def whole(about: str = "", **more: Any) -> Shape:
    """Return an integer that is not negative."""
    return _told({"type": "integer", "minimum": 0, **more}, about)


def number(about: str = "", **more: Any) -> Shape:
    """Return a number."""
    return _told({"type": "number", **more}, about)


def flag(about: str = "") -> Shape:
    """Return true or false."""
    return _told({"type": "boolean"}, about)


def several(items: Shape, about: str = "", **more: Any) -> Shape:
    """Return a list."""
    return _told({"type": "array", "items": items, **more}, about)


def anything(about: str = "") -> Shape:
    """Return an object that may hold anything."""
    return _told({"type": "object"}, about)


def either(*shapes: Shape, about: str = "") -> Shape:
    """Return what fits one of several shapes."""
    return _told({"anyOf": list(shapes)}, about)


def or_null(shape: Shape) -> Shape:
    """Return the same shape, or null."""
    about = shape.get("description", "")
    if isinstance(shape.get("type"), str) and "const" not in shape and "enum" not in shape:
        return {**shape, "type": [shape["type"], "null"]}
    bare = {name: value for name, value in shape.items() if name != "description"}
    return either(*bare.get("anyOf", [bare]), {"type": "null"}, about=about)


def with_about(shape: Shape, about: str) -> Shape:
    """Return a shape with other words; beside a reference they are allowed since OpenAPI 3.1."""
    return {**shape, "description": about}


def _told(shape: Shape, about: str) -> Shape:
    return {**shape, "description": about} if about else shape
