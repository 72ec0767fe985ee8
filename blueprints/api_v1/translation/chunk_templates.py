"""Chunks that differ from a checked one in a single JSON string, taken over without parsing them again.

Most chunks of a stream differ from the one before in one JSON string. Once such a chunk has been parsed and
rebuilt, both are cut at that string; the next chunk with the same head and tail is its text between the two
halves of what was rebuilt. The bytes are the same as if it had been parsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson
from msgspec import Struct

from .string_inside import AS_WRITTEN, USELESS_AFTER, texts_between

_TEXT_FIELD = re.compile(
    rb'"(?:content|reasoning_content|reasoning|arguments|input)"\s*:\s*"((?:[^"\\]++|\\.)*+)"', re.DOTALL
)
# Stands for the text while a template is made; no upstream can guess it.
_MARK = "b5f0c1d2-smart-route-text-8e7a"
_MARK_BYTES = _MARK.encode()
_MOST_TEMPLATES = 4


class _Template(Struct, frozen=True):
    """``upstream_head + text + upstream_tail`` becomes ``head + text + tail``."""

    upstream_head: bytes
    upstream_tail: bytes
    head: bytes
    tail: bytes


class ChunkTemplates:
    """The templates of one stream."""

    def __init__(self) -> None:
        """Know none yet."""
        self._templates: list[_Template] = []
        self._learnt_in_vain = 0

    def fill(self, chunks: list[bytes], start: int) -> tuple[int, bytes, int]:
        """Look at the chunks from ``start`` on, as many as fit one template.

        Return how many these are, the client's bytes for them, and the length of their texts.
        """
        for template in self._templates:
            texts = texts_between(template.upstream_head, template.upstream_tail, chunks, start, AS_WRITTEN)
            if texts:
                self._learnt_in_vain = 0
                between = template.tail + template.head
                size = sum(map(len, texts))
                return len(texts), template.head + between.join(texts) + template.tail, size
        return 0, b"", 0

    def learn(self, data: bytes, chunk: dict[str, Any], text: str, render: Callable[[str], bytes]) -> None:
        """Remember a chunk whose only variable part is ``text``, if that can be proved.

        ``render`` gives the client's bytes for the same chunk with another text.
        """
        if self._learnt_in_vain >= USELESS_AFTER:
            return
        for match in _TEXT_FIELD.finditer(data):
            head, tail = data[: match.start(1)], data[match.end(1) :]
            try:
                if orjson.loads(b'"' + match[1] + b'"') != text:
                    continue
                marked = orjson.loads(head + _MARK_BYTES + tail)
            except orjson.JSONDecodeError:
                continue
            # The text stands at one place only, and that is this one: nothing else may change with it.
            if _replaced(chunk, text, _MARK) == marked:
                out_head, found, out_tail = render(_MARK).partition(_MARK_BYTES)
                if found and _MARK_BYTES not in out_tail:
                    newest = _Template(head, tail, out_head, out_tail)
                    self._templates = [*self._templates[-_MOST_TEMPLATES + 1 :], newest]
                    self._learnt_in_vain += 1
                return

    def forget(self) -> None:
        """Drop all: from now on the same chunk may mean something else."""
        self._templates = []


def text_size(text: str) -> int:
    """Return the length of a text as it stands in JSON, in bytes: what ``fill`` tells of one."""
    return len(orjson.dumps(text)) - 2


def _replaced(value: Any, text: str, by: str) -> Any:
    """Return a copy of parsed JSON in which every string equal to ``text`` is another."""
    if isinstance(value, str):
        return by if value == text else value
    if isinstance(value, dict):
        return {key: _replaced(inner, text, by) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, text, by) for inner in value]
    return value
