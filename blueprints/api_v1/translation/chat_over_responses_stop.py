"""``stop`` for an upstream whose dialect has no such field: the text is cut here. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def stops_of(body: dict[str, Any]) -> tuple[str, ...]:
    """Return a request's stop sequences; empty ones stop nothing."""
    told = body.get("stop")
    stops = [told] if isinstance(told, str) else told if isinstance(told, list) else []
    return tuple(stop for stop in stops if isinstance(stop, str) and stop)


class StopCutter:
    """Passes a text on, in whatever pieces it comes, up to the first stop sequence.

    What may be the beginning of one waits until the next piece tells; nothing else does.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        """Without ``stops`` everything passes at once."""
        self._stops = stops
        self._held = ""
        self.has_stopped = False

    def feed(self, text: str) -> str:
        """Take the next piece; return what may leave."""
        if self.has_stopped:
            return ""
        if not self._stops:
            return text
        text = self._held + text
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if places:
            self.has_stopped, self._held = True, ""
            return text[: min(places)]
        held = max(_overlap(text, stop) for stop in self._stops)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def flush(self) -> str:
        """Return what waited in vain: no stop sequence came of it."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of ``text`` that is a true beginning of ``stop``."""
    for size in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0
