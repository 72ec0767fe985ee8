"""The events of a Responses stream as bytes: framed, numbered and built in this one place.

Texts on their way are *insides*: the bytes between the quotes of a JSON string, as they came or as they go.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

import json
from typing import Any

import orjson
from msgspec import Struct

# Open Responses demands it after the terminal event; the SDKs stop there.
DONE = b"data: [DONE]\n\n"


class DeltaFrame(Struct, frozen=True):
    """An event of which only ``delta`` and the sequence number vary, as a pattern for bytes that takes these two."""

    pattern: bytes


class EventWriter:
    """Writes the events of one response and counts them: from 0, one more for each, no gaps."""

    def __init__(self) -> None:
        """Begin with event 0."""
        self._sequence = 0

    def mark(self) -> int:
        """Return the state to come back to (``undo``) when what is written from here on never leaves."""
        return self._sequence

    def undo(self, mark: int) -> None:
        """Take back what was written since ``mark``."""
        self._sequence = mark

    def event(self, kind: str, **fields: Any) -> bytes:
        """Return one whole event of type ``kind``."""
        sequence = self._sequence
        self._sequence = sequence + 1
        payload = orjson.dumps({"type": kind, **fields, "sequence_number": sequence})
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), payload)

    def deltas(self, frame: DeltaFrame, insides: list[bytes]) -> bytes:
        """Return an event made from ``frame`` for each of some texts."""
        sequence, amount = self._sequence, len(insides)
        self._sequence = sequence + amount
        if amount == 1:  # nearly always, at the pace of a model
            return frame.pattern % (insides[0], sequence)
        values: list[bytes | int] = [0] * (2 * amount)
        values[::2] = insides
        values[1::2] = range(sequence, sequence + amount)
        return (frame.pattern * amount) % tuple(values)


class SilentWriter(EventWriter):
    """Writes nothing: for whole answers, which take the same way as streamed ones."""

    def event(self, kind: str, **fields: Any) -> bytes:
        """Return nothing."""
        return b""

    def deltas(self, frame: DeltaFrame, insides: list[bytes]) -> bytes:
        """Return nothing."""
        return b""


def delta_frame(kind: str, **fields: Any) -> DeltaFrame:
    """Return the frame of the delta events of one part or call; ``fields`` stay the same in all of them."""
    known = orjson.dumps({"type": kind, **fields})[:-1]
    before = b"event: %b\ndata: %b" % (kind.encode(), known)
    return DeltaFrame(before.replace(b"%", b"%%") + b',"delta":"%b","sequence_number":%d}\n\n')


def inside_of(text: str) -> bytes:
    """Return ``text`` as the inside of a JSON string."""
    return orjson.dumps(text)[1:-1]


def joined(insides: list[bytes]) -> str:
    """Return the text that the pieces of it make."""
    return str(orjson.loads(b'"%b"' % b"".join(insides)))


def read_json(data: bytes) -> Any:
    """Return what ``data`` says; half of a surrogate pair, where an upstream cut an emoji, becomes U+FFFD.

    Raises:
        orjson.JSONDecodeError: it is no JSON.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if "surrogate" not in str(error):
            raise
    text = json.dumps(json.loads(data), ensure_ascii=False)
    return orjson.loads(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
