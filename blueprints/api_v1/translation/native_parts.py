"""The items of a Responses stream while they grow. Each text is held once: raw while it comes, whole afterwards."""

from __future__ import annotations

from typing import Any

import orjson
from msgspec import Struct, field

from .native_events import CALL_KINDS, TextKind
from .native_items import OwnIds, ended_item, shown_part


class Text(Struct, eq=False):
    """One text of an item. ``kind`` is how it is shown, ``index`` its part's number there.

    ``raw`` holds what was given out, as the inside of a JSON string.
    """

    kind: TextKind
    index: int
    raw: bytearray = field(default_factory=bytearray)
    whole: str | None = None  # known once the text has ended
    part_ended: bool = False
    annotations: list[Any] = field(default_factory=list)
    told: object = None  # the upstream's finished part, for its citations and probabilities

    def so_far(self) -> str:
        """Return all that has been given out."""
        return self.whole if self.whole is not None else unescaped(bytes(self.raw))

    def part(self, ids: OwnIds) -> dict[str, Any]:
        """Return the part that holds this text, as far as it has come."""
        assert self.kind.part is not None  # noqa: S101
        part = shown_part(self.kind.part, self.so_far(), self.told, ids)
        if self.annotations and not part.get("annotations"):
            part["annotations"] = list(self.annotations)
        return part


class Item(Struct, eq=False):
    """One output item. ``shown`` is its beginning, ``final`` its end; ``texts`` are found by the upstream's numbers."""

    kind: str
    index: int
    shown: dict[str, Any]
    upstream_id: str
    texts: dict[tuple[str, int, str], Text] = field(default_factory=dict)
    final: dict[str, Any] | None = None

    @property
    def item_id(self) -> str:
        """The id that the client knows the item by."""
        item_id: str = self.shown["id"]
        return item_id

    def text(self, kind: TextKind, number: int) -> Text | None:
        """Return the text of a part, by the number that the upstream gives it."""
        return self.texts.get((kind.place, number, kind.event))

    def begin_text(self, kind: TextKind, number: int, shown: TextKind | None = None) -> Text:
        """Add a text, ``shown`` as another kind than the upstream's; its part gets the next free number."""
        shown = shown or kind
        index = sum(1 for text in self.texts.values() if text.kind.place == shown.place)
        text = self.texts[(kind.place, number, kind.event)] = Text(shown, index)
        return text

    def end(self, told: dict[str, Any], status: str, ids: OwnIds) -> dict[str, Any]:
        """Return the item with all its texts, taking the rest from the upstream's own."""
        ended = ended_item(self.shown, told, status, ids)
        if self.kind == "reasoning":
            ended["summary"] = self._parts("summary", ids)
            content = self._parts("content", ids)
            if content:
                ended["content"] = content
        elif self.kind == "message":
            ended["content"] = self._parts("content", ids)
        elif self.kind in CALL_KINDS:
            text = self.text(CALL_KINDS[self.kind], 0)
            ended[CALL_KINDS[self.kind].field] = "" if text is None else text.so_far()
        return ended

    def _parts(self, place: str, ids: OwnIds) -> list[dict[str, Any]]:
        return [text.part(ids) for text in self.texts.values() if text.kind.place == place]


def escaped(text: str) -> bytes:
    """Return a text as the inside of a JSON string."""
    return orjson.dumps(text)[1:-1]


def unescaped(raw: bytes) -> str:
    """Return the text that the inside of a JSON string stands for."""
    text: str = orjson.loads(b'"' + raw + b'"')
    return text


def length_of(raw: bytes) -> int:
    """Return how many characters the inside of a JSON string stands for."""
    return len(raw) if raw.isascii() and b"\\" not in raw else len(unescaped(raw))
