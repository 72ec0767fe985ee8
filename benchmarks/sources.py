"""What the load generator sends, and when: a closed loop, or a schedule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence

from benchmarks.exchange import Exchange

NEVER = float("inf")


class Source(ABC):
    """When to send what, on how many connections; ``done`` are its exchanges in the order of their ends."""

    def __init__(self, connections: int, *, is_lazy: bool = False) -> None:
        """``connections``: how many requests may be under way at once; lazy ones are opened when they are needed."""
        self.to_open = connections
        self.is_lazy = is_lazy
        self.port: int | None = None  # where its requests go, if not where the others' do
        self.idle: deque[int] = deque()
        self.done: list[Exchange] = []

    @abstractmethod
    def begin(self, now: float) -> None:
        """Take the time from which it counts."""

    @abstractmethod
    def next_at(self, now: float) -> float:
        """When it wants to send its next request, given an idle connection; NEVER: no more."""

    @abstractmethod
    def take(self, now: float) -> tuple[bytes, Exchange]:
        """Give that request."""


class Closed(Source):
    """A closed loop: each connection sends its next request when its answer is complete, for ``seconds``."""

    def __init__(self, requests: Sequence[bytes], *, connections: int, seconds: float) -> None:
        """``requests`` are sent in turns, again and again."""
        super().__init__(connections)
        self._requests = requests
        self._seconds = seconds
        self._end = 0.0
        self._number = 0

    def begin(self, now: float) -> None:
        """See ``Source``."""
        self._end = now + self._seconds

    def next_at(self, now: float) -> float:
        """See ``Source``."""
        return now if now < self._end else NEVER

    def take(self, now: float) -> tuple[bytes, Exchange]:
        """See ``Source``."""
        number = self._number
        self._number = number + 1
        return self._requests[number % len(self._requests)], Exchange(number, now, now)


class Timed(Source):
    """A schedule: requests ``gap_s`` apart; each goes when it is due, or as soon as a connection is idle."""

    def __init__(
        self,
        requests: Sequence[bytes],
        *,
        gap_s: float,
        connections: int,
        delay_s: float = 0.0,
        is_lazy: bool = False,
    ) -> None:
        """The first is due ``delay_s`` after the beginning."""
        super().__init__(connections, is_lazy=is_lazy)
        self._requests = requests
        self._gap_s = gap_s
        self._delay_s = delay_s
        self._start = 0.0
        self.sent: list[Exchange] = []

    def begin(self, now: float) -> None:
        """See ``Source``."""
        self._start = now + self._delay_s

    def next_at(self, now: float) -> float:
        """See ``Source``."""
        number = len(self.sent)
        return self._start + number * self._gap_s if number < len(self._requests) else NEVER

    def take(self, now: float) -> tuple[bytes, Exchange]:
        """See ``Source``."""
        number = len(self.sent)
        exchange = Exchange(number, self._start + number * self._gap_s, now)
        self.sent.append(exchange)
        return self._requests[number], exchange

    @property
    def all_begun(self) -> bool:
        """Whether every answer has begun."""
        return len(self.sent) == len(self._requests) and all(each.arrivals for each in self.sent)
