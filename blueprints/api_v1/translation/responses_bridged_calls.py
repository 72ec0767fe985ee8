"""The growing call of a tool that has a kind of its own: it has no events between its first and its last."""

from __future__ import annotations

from typing import Any

from .responses_bridged_tools import call_item
from .responses_events import joined
from .responses_open_items import OpenCall


class OpenBridgedCall(OpenCall):
    """Collects the function's arguments; the client sees the item empty, then whole."""

    def add_insides(self, insides: list[bytes]) -> bytes:
        """Keep pieces of the arguments."""
        self._pieces += insides
        return b""

    def item(self, status: str) -> dict[str, Any]:
        """Return the call; while it runs nothing of what it is to do is told, a part of it could be run."""
        arguments = "" if status == "in_progress" else joined(self._pieces)
        return call_item(self._tool.kind, self._id, status, call_id=self._call_id, arguments=arguments)

    def _end(self, status: str) -> bytes:
        return b""
