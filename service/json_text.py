"""JSON that an operator hands over, read as strictly as the API reads bodies."""

from __future__ import annotations

import orjson


class NoJson(Exception):
    """The text is empty, no UTF-8, or no JSON; a sentence that says where."""


def read_json(raw: bytes) -> object:
    """Return the value of a JSON text.

    Raises:
        NoJson: it is none.
    """
    if not raw.strip():
        raise NoJson("There is nothing in it: give the request's JSON body.")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoJson(f"It is not UTF-8: byte {error.start + 1:,} fits nowhere.") from error
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise NoJson(f"It is no JSON: {error.msg}, line {error.lineno:,}, column {error.colno:,}.") from error
