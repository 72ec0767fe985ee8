"""Waiting in memory, so that only one of those who want the same lock waits in the database for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable


class NoTurn(Exception):
    """Those before us did not finish in time."""


class Turns:
    """A turn for each key; nothing is kept of a key that nobody wants.

    It is handed on in the order of asking, and from one account to the next where several wait: who wants it a
    hundred times keeps nobody else waiting that often.
    """

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._guard = threading.Lock()
        # Of each key that is held: the lines of those who wait, by account, the next one's first.
        self._waiting: dict[Hashable, dict[Hashable, deque[threading.Lock]]] = {}

    def take(self, key: Hashable, wait_s: float, account: Hashable = None) -> None:
        """Wait for the key's turn; whoever has it must ``leave`` it. Without an account all are as one.

        Raises:
            NoTurn: it did not come within ``wait_s``.
        """
        with self._guard:
            waiting = self._waiting.get(key)
            if waiting is None:
                self._waiting[key] = {}
                return
            called = threading.Lock()
            called.acquire()
            waiting.setdefault(account, deque()).append(called)
        try:
            has_come = called.acquire(timeout=wait_s)
        except BaseException:  # a greenlet may be killed while it waits
            self._withdraw(key, account, called)
            raise
        if not has_come:
            self._withdraw(key, account, called)
            raise NoTurn

    def leave(self, key: Hashable) -> None:
        """Hand the turn to whoever of the next account has waited longest."""
        with self._guard:
            waiting = self._waiting[key]
            if not waiting:
                del self._waiting[key]
                return
            account = next(iter(waiting))
            line = waiting.pop(account)
            line.popleft().release()
            if line:
                waiting[account] = line  # behind the others

    def _withdraw(self, key: Hashable, account: Hashable, called: threading.Lock) -> None:
        with self._guard:
            line = self._waiting[key].get(account, deque())
            was_waiting = called in line
            if was_waiting:
                line.remove(called)
                if not line:
                    del self._waiting[key][account]
        if not was_waiting:  # it was handed to us at the last moment
            self.leave(key)

    def __len__(self) -> int:
        """How many keys are held or waited for."""
        return len(self._waiting)
