"""Waiting in memory for SQLite's one write lock while another process holds it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Hashable

from .turns import NoTurn


class FileTurn:
    """One of this process asks the file for its lock again and again; who comes meanwhile waits in line.

    A transaction is over before its greenlet waits for anything, so the turn is found taken only while the lock is
    another process's. It is never handed on: who waits is called, one by one and from one account to the next, and
    whoever comes first has it. Handed on, each turn would wait for the loop to come round to the next in line, with
    nobody using the lock meanwhile: a line that had once come about would not end under load.
    """

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._guard = threading.Lock()
        self._is_taken = False
        self._is_one_called = False
        self._lines: dict[Hashable, deque[threading.Lock]] = {}  # by account, the next one's first

    def take(self, account: Hashable, wait_s: float) -> None:
        """Wait for the turn; whoever has it must ``leave`` it.

        Raises:
            NoTurn: it did not come within ``wait_s``.
        """
        with self._guard:
            if not self._is_taken:
                self._is_taken = True
                return
            called = threading.Lock()
            called.acquire()
            self._lines.setdefault(account, deque()).append(called)
        give_up_at = time.monotonic() + wait_s
        while True:
            try:
                has_come = called.acquire(timeout=max(0.0, give_up_at - time.monotonic()))
            except BaseException:  # a greenlet may be killed while it waits
                self._withdraw(account, called)
                raise
            if not has_come:
                self._withdraw(account, called)
                raise NoTurn
            with self._guard:
                self._is_one_called = False
                if not self._is_taken:
                    self._is_taken = True
                    return
                line = self._lines.pop(account, deque())
                line.appendleft(called)
                self._lines = {account: line, **self._lines}  # where it was before it was called

    def leave(self) -> None:
        """Give the turn up, and call whoever of the next account has waited longest."""
        with self._guard:
            self._is_taken = False
            self._call_next()

    def _call_next(self) -> None:
        if self._is_one_called or not self._lines:
            return
        account = next(iter(self._lines))
        line = self._lines.pop(account)
        self._is_one_called = True
        line.popleft().release()
        if line:
            self._lines[account] = line  # behind the others

    def _withdraw(self, account: Hashable, called: threading.Lock) -> None:
        with self._guard:
            line = self._lines.get(account, deque())
            if called in line:
                line.remove(called)
                if not line:
                    del self._lines[account]
                return
            self._is_one_called = False  # it was us
            if not self._is_taken:
                self._call_next()

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._lines.values()))
