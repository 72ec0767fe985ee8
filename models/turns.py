"""Waiting in memory, so that only one of those who want the same lock waits in the database for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable


class NoTurn(Exception):
    """Those before us did not finish in time."""


class Turns:
    """A turn for each key, handed on in the order of asking; nothing is kept of a key that nobody wants."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._guard = threading.Lock()
        self._waiting: dict[Hashable, deque[threading.Lock]] = {}  # of each key that is held

    def take(self, key: Hashable, wait_s: float) -> None:
        """Wait for the key's turn; whoever has it must ``leave`` it.

        Raises:
            NoTurn: it did not come within ``wait_s``.
        """
        with self._guard:
            waiting = self._waiting.get(key)
            if waiting is None:
                self._waiting[key] = deque()
                return
            called = threading.Lock()
            called.acquire()
            waiting.append(called)
        try:
            has_come = called.acquire(timeout=wait_s)
        except BaseException:  # a greenlet may be killed while it waits
            self._withdraw(key, called)
            raise
        if not has_come:
            self._withdraw(key, called)
            raise NoTurn

    def leave(self, key: Hashable) -> None:
        """Hand the turn to whoever has waited longest."""
        with self._guard:
            waiting = self._waiting[key]
            if waiting:
                waiting.popleft().release()
            else:
                del self._waiting[key]

    def _withdraw(self, key: Hashable, called: threading.Lock) -> None:
        with self._guard:
            was_waiting = called in self._waiting[key]
            if was_waiting:
                self._waiting[key].remove(called)
        if not was_waiting:  # it was handed to us at the last moment
            self.leave(key)

    def __len__(self) -> int:
        """How many keys are held or waited for."""
        return len(self._waiting)
