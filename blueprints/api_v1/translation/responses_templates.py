"""Chunks that are known but for their text: most of a stream differs from the chunk before in one JSON string.

Such a chunk is not parsed again, and a run of them is taken over in one step. Their texts, still written as
JSON, go from the upstream's events into the client's; what is known of the rest has been proved on a chunk
that was parsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson
from msgspec import Struct

from .string_inside import USELESS_AFTER, WHOLE, texts_between

_TEXT_FIELD = re.compile(rb'"(?:content|reasoning_content|reasoning|arguments)"\s*:\s*"((?:[^"\\]++|\\.)*+)"')
# Stands for the text while a template is proved; no upstream can guess it.
_MARK = "3f9a61c4-smart-route-text-d20b"
_MOST = 4

Add = Callable[[list[bytes]], bytes]


class _Template(Struct, frozen=True):
    """A proved chunk cut at its text, and what takes the texts of others like it."""

    head: bytes
    tail: bytes
    add: Add


class Templates:
    """The templates that hold at the moment."""

    def __init__(self) -> None:
        """Begin without any."""
        self._templates: list[_Template] = []
        self._learnt_in_vain = 0

    def find(self, chunks: list[bytes], start: int) -> tuple[list[bytes], Add] | None:
        """Look at the chunks from ``start`` on, as many as fit one template; None: the first has to be parsed.

        Return their texts, as the insides of JSON strings, and what takes them.
        """
        for template in self._templates:
            texts = texts_between(template.head, template.tail, chunks, start, WHOLE)
            if texts:
                self._learnt_in_vain = 0
                return texts, template.add
        return None

    def learn(self, data: bytes, chunk: Any, holder: dict[str, Any], key: str, add: Add) -> None:
        """Remember a chunk of which ``add`` took the text at ``holder[key]``, a place inside ``chunk``.

        Only if it can be proved where the text stands; ``chunk`` must not be used afterwards.
        """
        if self._learnt_in_vain >= USELESS_AFTER:
            return
        text, holder[key] = holder[key], _MARK
        for match in _TEXT_FIELD.finditer(data):
            head, tail = data[: match.start(1)], data[match.end(1) :]
            try:
                # With another text at this place the chunk says the same but for the text: so this is the place.
                if (
                    orjson.loads(b'"%b"' % match[1]) == text
                    and orjson.loads(b"%b%b%b" % (head, _MARK.encode(), tail)) == chunk
                ):
                    self._templates = [*self._templates[1 - _MOST :], _Template(head, tail, add)]
                    self._learnt_in_vain += 1
                    return
            except orjson.JSONDecodeError:
                continue

    def clear(self) -> None:
        """Forget all: another item grows now."""
        self._templates.clear()
