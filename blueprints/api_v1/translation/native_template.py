"""Events that equal, but for their text, one that has been checked: they need not be parsed again.

A checked event is cut at its text, and at the two values that change with every event and are never passed
on: its sequence number and OpenAI's padding against traffic analysis. An event with the same bytes around
well-formed values says the same of another text.
"""

from __future__ import annotations

import re
from typing import Any, Generic, TypeVar

import orjson
from msgspec import Struct

from .string_inside import ANY, AS_WRITTEN, USELESS_AFTER, is_utf8

_PADDING_INSIDE = re.compile(ANY)
_NUMBER_INSIDE = re.compile(rb"(?:0|[1-9][0-9]{0,17})")  # RFC 8259, section 6
_STRING_FIELD = re.compile(rb'"[a-z_]{1,40}"\s*:\s*"(' + ANY + rb')"')
_NUMBER_FIELD = re.compile(rb'"sequence_number"\s*:\s*(0|[1-9][0-9]{0,17})(?![0-9.eE])')
_PADDING_FIELD = re.compile(rb'"obfuscation"\s*:\s*"(' + ANY + rb')"')
# Stand for the values while a template is proved; no upstream can guess them.
MARK = "3d1f7c52-smart-route-text-c4a9"
_PADDING_MARK = "9e60b2aa-smart-route-padding-17f3"
_NUMBER_MARK = 730_218_465_519_203_847

_MOST_TEMPLATES = 4

Sink = TypeVar("Sink")


class _Template(Struct, Generic[Sink], frozen=True):
    """A checked event: the bytes before each hole and what may fill it, the bytes after the last."""

    steps: tuple[tuple[bytes, re.Pattern[bytes]], ...]
    text_step: int
    tail: bytes
    sink: Sink


class Templates(Generic[Sink]):
    """The last few templates of one stream, each with what its user needs to say another text."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: list[_Template[Sink]] = []
        self._learnt_in_vain = 0

    def clear(self) -> None:
        """Forget every template."""
        self._known = []

    def match(self, data: bytes) -> tuple[bytes, Sink] | None:
        """Return the inside of the JSON string that is the event's text, and the template's sink."""
        for template in self._known:
            position, text = 0, b""
            for number, (literal, hole) in enumerate(template.steps):
                if not data.startswith(literal, position):
                    break
                start = position + len(literal)
                found = hole.match(data, start)
                if found is None:
                    break
                position = found.end()
                if number == template.text_step:
                    text = data[start:position]
            else:
                if text and data[position:] == template.tail and is_utf8(text):
                    self._learnt_in_vain = 0
                    return text, template.sink
        return None

    def learn(self, data: bytes, marked: dict[str, Any], text: str, sink: Sink) -> None:
        """Remember an event whose only variable parts are known, if it can be proved to be one.

        ``marked`` is the parsed event with ``MARK`` in the place of its ``text``.
        """
        if self._learnt_in_vain >= USELESS_AFTER:
            return
        marked = dict(marked)
        holes: list[tuple[int, int, re.Pattern[bytes], bytes]] = []
        for name, pattern, hole, mark in (
            ("sequence_number", _NUMBER_FIELD, _NUMBER_INSIDE, _NUMBER_MARK),
            ("obfuscation", _PADDING_FIELD, _PADDING_INSIDE, _PADDING_MARK),
        ):
            if name in marked:
                found = pattern.search(data)
                if found is None:
                    return
                holes.append((found.start(1), found.end(1), hole, str(mark).encode()))
                marked[name] = mark
        for match in _STRING_FIELD.finditer(data):
            try:
                if orjson.loads(b'"' + match[1] + b'"') != text:
                    continue
                cuts = [*holes, (match.start(1), match.end(1), AS_WRITTEN, MARK.encode())]
                cuts.sort(key=lambda cut: cut[0])
                if orjson.loads(_filled(data, cuts)) != marked:
                    continue
            except orjson.JSONDecodeError:
                continue
            self._remember(data, cuts, match.start(1), sink)
            return

    def _remember(
        self, data: bytes, cuts: list[tuple[int, int, re.Pattern[bytes], bytes]], text_at: int, sink: Sink
    ) -> None:
        steps, position, text_step = [], 0, 0
        for number, (start, end, hole, _) in enumerate(cuts):
            steps.append((data[position:start], hole))
            position = end
            if start == text_at:
                text_step = number
        template = _Template(tuple(steps), text_step, data[position:], sink)
        self._known = [template, *self._known[: _MOST_TEMPLATES - 1]]
        self._learnt_in_vain += 1


def _filled(data: bytes, cuts: list[tuple[int, int, re.Pattern[bytes], bytes]]) -> bytes:
    """Return the event with a mark in each of its holes."""
    out, position = bytearray(), 0
    for start, end, _, mark in cuts:
        out += data[position:start] + mark
        position = end
    return bytes(out + data[position:])
