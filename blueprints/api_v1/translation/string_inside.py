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

MOST_AT_ONCE = 64
"""Chunks that ``texts_between`` looks at: where runs break often, none is looked at very many times."""

USELESS_AFTER = 16
"""Templates learnt without a single use: this upstream changes something in every event."""


def texts_between(head: bytes, tail: bytes, chunks: list[bytes], start: int, pattern: re.Pattern[bytes]) -> list[bytes]:
    """Return what the chunks from ``start`` on have between ``head`` and ``tail``, up to the first that does not fit.

    A chunk fits when that is an inside after ``pattern``, and not empty.
    """
    begin, end, around = len(head), -len(tail), len(head) + len(tail)
    texts: list[bytes] = []
    for data in chunks[start : start + MOST_AT_ONCE]:
        if not data.startswith(head) or not data.endswith(tail) or len(data) <= around:
            break
        texts.append(data[begin:end])
    # All are checked at once: what one leaves unfinished, an escape or a character, is not finished by a space.
    if _is_inside(b" ".join(texts), pattern):
        return texts
    good = next(place for place, text in enumerate(texts) if not _is_inside(text, pattern))
    return texts[:good]


def _is_inside(text: bytes, pattern: re.Pattern[bytes]) -> bool:
    return pattern.fullmatch(text) is not None and (text.isascii() or is_utf8(text))


def is_utf8(text: bytes) -> bool:
    """Tell whether bytes are valid UTF-8."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
