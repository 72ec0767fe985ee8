"""Closings that the database refused, kept until it takes them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from .storage_trouble import StorageUnavailable

log = logging.getLogger("smartroute.unfinished")


class Unfinished:
    """Work to be repeated until it succeeds. Repeating what was done already must change nothing."""

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self._waiting: deque[Callable[[], object]] = deque()

    def add(self, closing: Callable[[], object]) -> None:
        """Remember a closing."""
        self._waiting.append(closing)

    def repeat(self) -> None:
        """Do what waits, oldest first; stop where the database refuses again."""
        while self._waiting:
            closing = self._waiting.popleft()
            try:
                closing()
            except StorageUnavailable:
                self._waiting.appendleft(closing)
                return
            except Exception:  # a closing that can never succeed must not keep the others waiting
                log.exception("a closing failed for good; what it was to close stays open until this worker ends")

    def __len__(self) -> int:
        """How many closings wait."""
        return len(self._waiting)
