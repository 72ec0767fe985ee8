"""The tool calls of one streamed choice: which of them a delta belongs to.

Upstreams leave out the index, repeat ids and names, send the same index for two calls, or no id at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from msgspec import Struct


class StreamedCall(Struct):
    """A tool call that is being streamed. ``index`` and ``call_id`` are what the client knows it by."""

    index: int
    call_id: str
    kind: str
    name: str = ""
    started: bool = False
    """Its first delta has been sent."""
    held: str = ""
    """Arguments that came before the name."""
    upstream_id: str = ""
    was_whole: bool = False
    """Its first delta brought whole arguments: the same name again means another call."""

    @property
    def text_key(self) -> str:
        """Where the text of the call stands."""
        return "input" if self.kind == "custom" else "arguments"

    def start(self) -> dict[str, Any]:
        """Return the call's first delta, without arguments."""
        self.started = True
        self.was_whole = _is_whole(self.held)
        body = {"name": self.name, self.text_key: ""}
        return {"index": self.index, "id": self.call_id, "type": self.kind, self.kind: body}

    def fragment(self, text: str) -> dict[str, Any]:
        """Return a later delta."""
        return {"index": self.index, self.kind: {self.text_key: text}}


class StreamedCalls:
    """All tool calls of one choice, in the order in which they began."""

    def __init__(self, new_call_id: Callable[[], str]) -> None:
        """``new_call_id`` makes the ids under which calls are handed out."""
        self._new_call_id = new_call_id
        self._by_index: dict[int, StreamedCall] = {}
        self.all: list[StreamedCall] = []

    def call_of(self, told: dict[str, Any]) -> tuple[StreamedCall, bool]:
        """Return the call that a delta belongs to, and whether it begins with this delta."""
        index, upstream_id = told.get("index"), told.get("id")
        if not isinstance(upstream_id, str):
            upstream_id = ""
        known: StreamedCall | None = None
        if isinstance(index, int):
            known = self._by_index.get(index)
        elif upstream_id:
            known = next((call for call in self.all if call.upstream_id == upstream_id), None)
        elif self.all:
            known = self.all[-1]
        if known is not None and not _is_another(known, upstream_id, told):
            known.upstream_id = known.upstream_id or upstream_id
            return known, False
        kind = "custom" if told.get("type") == "custom" or "custom" in told else "function"
        new = StreamedCall(len(self.all), self._new_call_id(), kind, upstream_id=upstream_id)
        self.all.append(new)
        if isinstance(index, int):
            self._by_index[index] = new
        return new, True


def _is_another(known: StreamedCall, upstream_id: str, told: dict[str, Any]) -> bool:
    """Tell whether a delta that names a known call by its index, or by nothing, begins a new one."""
    body = told.get("function") or told.get("custom")
    name = body.get("name") if isinstance(body, dict) else None
    if not isinstance(name, str) or not name or not known.name:
        return False
    if upstream_id and known.upstream_id:
        return upstream_id != known.upstream_id
    return name != known.name or known.was_whole


def _is_whole(arguments: str) -> bool:
    try:
        return isinstance(orjson.loads(arguments), dict)
    except orjson.JSONDecodeError:
        return False
