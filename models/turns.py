"""Waiting in memory, so that only one of those who want the same lock waits in the database for it."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class NoTurn(Exception):
    """Those before us did not finish in time."""


@dataclass(slots=True)
class _Turn:
    lock: threading.Lock = field(default_factory=threading.Lock)
    wanted_by: int = 0


class Turns:
    """A lock for each key, there only while somebody holds it or waits for it."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._guard = threading.Lock()
        self._turns: dict[Hashable, _Turn] = {}

    @contextmanager
    def take(self, key: Hashable, wait_s: float) -> Iterator[None]:
        """Hold the key's lock for the time of the block.

        Raises:
            NoTurn: it was not free within ``wait_s``.
        """
        with self._guard:
            turn = self._turns.setdefault(key, _Turn())
            turn.wanted_by += 1
        try:
            if not turn.lock.acquire(timeout=wait_s):
                raise NoTurn
            try:
                yield
            finally:
                turn.lock.release()
        finally:
            with self._guard:
                turn.wanted_by -= 1
                if not turn.wanted_by:
                    del self._turns[key]

    def __len__(self) -> int:
        """How many keys are held or waited for."""
        return len(self._turns)
