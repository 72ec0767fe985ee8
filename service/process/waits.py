"""The waits for clients, all of a kind bounded by one timer: one for each would cost each request some.

Every wait takes the same time, so the one that began first ends first. Connections that wait are the first to go where
there are too many: a flood of such as send nothing, or take nothing, keeps nobody out.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from types import TracebackType
from typing import Any

import gevent


class WaitOver(BaseException):
    """Thrown into whoever has waited for too long. Not an Exception: no parser may take it for a fault."""


class Waits:
    """A context manager around each wait; whoever waited for too long leaves it early, and has nothing."""

    def __init__(self, seconds: float | None, most: int) -> None:
        """Bound each wait by ``seconds``, if given, and how many wait at once by ``most``."""
        self._seconds = seconds
        self._most = most
        self._ends: OrderedDict[Any, float] = OrderedDict()  # greenlet -> when, the first to end first
        self._timer: Any = None

    def __enter__(self) -> None:
        """Begin the wait of the current greenlet."""
        seconds = self._seconds
        self._ends[gevent.getcurrent()] = math.inf if seconds is None else time.monotonic() + seconds
        if len(self._ends) > self._most:
            gevent.get_hub().loop.run_callback(self._make_room)
        if self._timer is None and seconds is not None:
            self._look_in(seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """End it."""
        self._ends.pop(gevent.getcurrent(), None)
        return kind is WaitOver

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._ends)

    def shorten(self, seconds: float) -> None:
        """Bound the waits that follow by ``seconds``, and what is left of those that have begun."""
        self._seconds = seconds
        latest = time.monotonic() + seconds
        for greenlet, end in self._ends.items():
            self._ends[greenlet] = min(end, latest)
        self._look_in(seconds)

    def _look_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.close()
        self._timer = gevent.get_hub().loop.timer(seconds)
        self._timer.start(self._look)

    def _look(self) -> None:
        """End what is over. The timer runs on beside waits that end by themselves: it is not set again for each."""
        now = time.monotonic()
        over = []
        left = None
        for greenlet, end in self._ends.items():
            if end > now:
                left = end - now
                break
            over.append(greenlet)
        for greenlet in over:
            # In the loop's next turn: a request that has come in this moment is read, and its wait is over then.
            gevent.get_hub().loop.run_callback(self._end, greenlet)
        self._timer.close()
        self._timer = None
        if left is not None:
            self._look_in(left)
        elif over and self._seconds is not None:
            self._look_in(self._seconds)

    def _make_room(self) -> None:
        if len(self._ends) > self._most:
            self._end(next(iter(self._ends)))

    def _end(self, greenlet: Any) -> None:
        if greenlet in self._ends:
            greenlet.throw(WaitOver)
