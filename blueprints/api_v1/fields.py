"""Marshmallow fields that take a JSON value for what it is: no "true" for true, no 1 for true, no "5" for 5.

Each raises ``FieldFault``, which knows the code that the API answers with and the path of the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields


class FieldFault(ValidationError):
    """What is wrong with one value; ``path`` is relative to the field, such as ``[3].role``."""

    def __init__(self, message: str, *, code: str = "invalid_type", path: str = "") -> None:
        """Keep the parts of the answer."""
        super().__init__(message)
        self.message = message
        self.code = code
        self.path = path


class Text(fields.Field[str]):
    """A string of a limited length."""

    def __init__(self, *, longest: int | None = None, **options: Any) -> None:
        """``longest`` is in characters; None is no limit."""
        super().__init__(**options)
        self.longest = longest

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> str:
        if not isinstance(value, str):
            raise FieldFault(f"expected a string, got {kind_of(value)}")
        if self.longest is not None and len(value) > self.longest:
            raise FieldFault(f"longer than {self.longest:,} characters", code="string_above_max_length")
        return value


class Flag(fields.Field[bool]):
    """true or false."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> bool:
        if not isinstance(value, bool):
            raise FieldFault(f"expected true or false, got {kind_of(value)}")
        return value


class Number(fields.Field[float]):
    """A number within bounds, both included."""

    def __init__(self, least: float | None = None, most: float | None = None, **options: Any) -> None:
        """None is no bound."""
        super().__init__(**options)
        self.least, self.most = least, most

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FieldFault(f"expected a number, got {kind_of(value)}")
        check_bounds(value, self.least, self.most)
        return value


class Whole(fields.Field[int]):
    """An integer within bounds, both included."""

    def __init__(self, least: int | None = None, most: int | None = None, **options: Any) -> None:
        """None is no bound."""
        super().__init__(**options)
        self.least, self.most = least, most

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise FieldFault(f"expected an integer, got {kind_of(value)}")
        check_bounds(value, self.least, self.most)
        return value


class OneOf(fields.Field[str]):
    """One of a few strings."""

    def __init__(self, *choices: str, **options: Any) -> None:
        """Accept ``choices`` alone."""
        super().__init__(**options)
        self.choices = choices

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> str:
        if not isinstance(value, str):
            raise FieldFault(f"expected a string, got {kind_of(value)}")
        if value not in self.choices:
            raise FieldFault(f"expected one of {', '.join(self.choices)}", code="invalid_value")
        return value


class Record(fields.Field[dict[str, Any]]):
    """A JSON object, whatever it holds."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise FieldFault(f"expected an object, got {kind_of(value)}")
        return value


class TextOrRecord(fields.Field[Any]):
    """A string or a JSON object."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Any:
        if not isinstance(value, str | dict):
            raise FieldFault(f"expected a string or an object, got {kind_of(value)}")
        return value


class Records(fields.Field[list[dict[str, Any]]]):
    """A list of JSON objects."""

    def __init__(self, most: int | None = None, **options: Any) -> None:
        """``most`` bounds the number of entries; None is no limit."""
        super().__init__(**options)
        self.most = most

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any
    ) -> list[dict[str, Any]]:
        if not isinstance(value, list):
            raise FieldFault(f"expected a list, got {kind_of(value)}")
        if self.most is not None and len(value) > self.most:
            raise FieldFault(f"more than {self.most} entries", code="array_above_max_length")
        for place, entry in enumerate(value):
            if not isinstance(entry, dict):
                raise FieldFault(f"expected an object, got {kind_of(entry)}", path=f"[{place}]")
        return value


class Texts(fields.Field[Any]):
    """A string or a list of strings."""

    def __init__(self, most: int, **options: Any) -> None:
        """``most`` bounds the number of entries."""
        super().__init__(**options)
        self.most = most

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Any:
        if isinstance(value, str):
            return value
        if not isinstance(value, list):
            raise FieldFault(f"expected a string or a list of strings, got {kind_of(value)}")
        if len(value) > self.most:
            raise FieldFault(f"more than {self.most} entries", code="array_above_max_length")
        for place, entry in enumerate(value):
            if not isinstance(entry, str):
                raise FieldFault(f"expected a string, got {kind_of(entry)}", path=f"[{place}]")
        return value


def check_bounds(value: float, least: float | None, most: float | None) -> None:
    """Refuse a number outside of its bounds."""
    if (least is not None and value < least) or (most is not None and value > most):
        if most is None:
            raise FieldFault(f"expected at least {least}, got {value}", code="invalid_value")
        raise FieldFault(f"expected {least} to {most}, got {value}", code="invalid_value")


def kind_of(value: object) -> str:
    """Name a JSON value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    names = {str: "a string", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "something else")
