"""The inside of a JSON string as bytes, for texts that are passed on without having been parsed. Pure.

Source: RFC 8259, sections 7 and 8.1.
"""

from __future__ import annotations

import re

ANY = rb'[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+'
"""Pattern of every inside, also of one that holds half a character."""

WHOLE = re.compile(
    rb'[^"\\\x00-\x1f]*+'
    rb'(?:\\(?:["\\/bfnrt]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4}'
    rb'|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})[^"\\\x00-\x1f]*+)*+'
)
"""Whole characters alone: surrogates only in pairs."""

AS_WRITTEN = re.compile(rb'[^"\\\x00-\x1f]*+(?:\\["\\bfnrt][^"\\\x00-\x1f]*+)*+')
r"""As orjson would write it again: \/ and \u come out differently, or are half a character."""

USELESS_AFTER = 16
"""Templates learnt without a single use: this upstream changes something in every event."""


def is_utf8(text: bytes) -> bool:
    """Tell whether bytes are valid UTF-8."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
