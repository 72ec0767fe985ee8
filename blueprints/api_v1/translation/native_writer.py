"""A Responses client's events: numbered, framed, and held until the first output. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson


class EventWriter:
    """Numbers events from 0 without gaps, in the order in which they leave."""

    def __init__(self, running: Callable[[], dict[str, Any]]) -> None:
        """``running`` returns the response object that ``created`` and ``in_progress`` show."""
        self._running = running
        self.sequence = 0
        self._has_begun = False
        self._held: list[tuple[str, dict[str, Any]]] = []
        self.has_output = False

    def restart(self) -> None:
        """Drop what is held; a beginning that the client has seen stays valid."""
        self._held, self.has_output = [], False

    def mark(self) -> tuple[int, bool]:
        """Return the state to come back to (``undo``) when what is said from here on never leaves."""
        return self.sequence, self._has_begun

    def undo(self, mark: tuple[int, bool]) -> None:
        """Take back what was said since ``mark``; the attempt that said it is over."""
        self.sequence, self._has_begun = mark
        self.restart()

    def event(self, kind: str, fields: dict[str, Any]) -> bytes:
        """Return an event that leaves now."""
        payload = orjson.dumps({"type": kind, "sequence_number": self.sequence, **fields})
        self.sequence += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), payload)

    def emit(self, kind: str, **fields: Any) -> bytes:
        """Return an event, or nothing while it has to wait for the first output."""
        if self.has_output:
            return self.event(kind, fields)
        self._held.append((kind, fields))
        return b""

    def beginning(self) -> bytes:
        """Return ``created`` and ``in_progress``, once."""
        if self._has_begun:
            return b""
        self._has_begun = True
        running = {"response": self._running()}
        return self.event("response.created", running) + self.event("response.in_progress", running)

    def commit(self) -> bytes:
        """Return what has waited for the first output, which comes now."""
        if self.has_output:
            return b""
        out = self.beginning()
        self.has_output = True
        for kind, fields in self._held:
            out += self.event(kind, fields)
        self._held = []
        return out

    def keep_alive(self) -> bytes:
        """Return what bridges a silence: the beginning, if the client has not seen it, else an event of its own.

        Comments do not reset the idle timers of agents.
        """
        return self.event("keepalive", {}) if self._has_begun else self.beginning()
