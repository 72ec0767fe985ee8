"""The loads: what is sent, how, and what is noted of one round of it on one target."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.answers import Expected, Wrong, events
from benchmarks.ledger import Ledger
from benchmarks.load import Exchange, closed_loop, scheduled
from benchmarks.targets import ALIAS, House, Target

PACE_MS = 25
WHOLE_WORDS = 20


@dataclass(slots=True)
class Round:
    """One target's figures of one round; a unit is a request, in streams an event."""

    units: int
    seconds: float
    cpu_s: float
    """Of the target's processes."""
    generator_cpu_s: float
    timings_ms: dict[str, list[float]] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Units a second."""
        return self.units / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU microseconds of the target for each unit."""
        return self.cpu_s / self.units * 1e6


def request_bytes(token: str, text: str, *, stream: bool) -> bytes:
    """One chat request, the same for every target."""
    body: dict[str, Any] = {"model": ALIAS, "messages": [{"role": "user", "content": text}]}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    payload = json.dumps(body).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload


class Load(ABC):
    """One kind of load; ``run`` is one round."""

    name: str
    title: str
    words: int
    is_stream: bool

    def run(self, house: House, target: Target, ledger: Ledger) -> Round:
        """Put the load on a target once; every answer is read afterwards."""
        cpu_before, own_before, begun = target.cpu_s(), time.process_time(), time.monotonic()
        exchanges = self.send(house, target)
        own_s, cpu_s = time.process_time() - own_before, target.cpu_s() - cpu_before
        seconds = max((each.ended_at for each in exchanges), default=begun) - begun
        expected = Expected(self.words, target.alias, self.is_stream)
        ledger.read(target, exchanges, expected)
        units = len(exchanges) * (expected.events if self.is_stream else 1)
        return Round(units, seconds, cpu_s, own_s, self.timings(house, exchanges))

    @abstractmethod
    def send(self, house: House, target: Target) -> list[Exchange]:
        """Send a round's requests and wait for all answers."""

    def timings(self, house: House, exchanges: Sequence[Exchange]) -> dict[str, list[float]]:
        """What the answers' times tell, in milliseconds, by name."""
        return {}


class JsonClosedLoop(Load):
    """Whole answers, each connection as fast as it gets them."""

    name, title, words, is_stream = "json", "JSON, closed loop, 8 connections", WHOLE_WORDS, False

    def __init__(self, seconds: float) -> None:
        """``seconds``: of a round."""
        self._seconds = seconds

    def send(self, house: House, target: Target) -> list[Exchange]:
        """See ``Load``."""
        request = request_bytes(house.token, f"[[tokens {self.words}]]", stream=False)
        return closed_loop(target.port, request, connections=8, seconds=self._seconds)


class JsonAtRate(Load):
    """Whole answers at a fixed rate; the time runs from when the request was due, sent or not."""

    name, title, words, is_stream = "rate", "JSON, 40 requests a second", WHOLE_WORDS, False
    PER_SECOND = 40

    def __init__(self, seconds: float) -> None:
        """``seconds``: of a round."""
        self._count = max(2, round(seconds * self.PER_SECOND))

    def send(self, house: House, target: Target) -> list[Exchange]:
        """See ``Load``."""
        request = request_bytes(house.token, f"[[tokens {self.words}]]", stream=False)
        return scheduled(target.port, [request] * self._count, gap_s=1 / self.PER_SECOND, connections=8)

    def timings(self, house: House, exchanges: Sequence[Exchange]) -> dict[str, list[float]]:
        """See ``Load``."""
        return {"latency": [(each.ended_at - each.due_at) * 1000 for each in exchanges]}


class StreamsPaced(Load):
    """Twelve streams at once at the pace of a model; the upstream's journal says when each event was due."""

    name, title, words, is_stream = "paced", f"SSE, 12 streams of 30 events, {PACE_MS} ms apart", 27, True
    STREAMS = 12

    def send(self, house: House, target: Target) -> list[Exchange]:
        """See ``Load``."""
        texts = [f"[[tokens {self.words}]] [[pace {PACE_MS}]] stream {n}" for n in range(self.STREAMS)]
        requests = [request_bytes(house.token, text, stream=True) for text in texts]
        return scheduled(target.port, requests, gap_s=0, connections=self.STREAMS)

    def timings(self, house: House, exchanges: Sequence[Exchange]) -> dict[str, list[float]]:
        """Time to the first event that holds text, and the delay of those that do since the upstream had them due.

        The event before them only announces the role; those behind them end the answer. A gateway may hold the
        one back until there is output, and the others until the row is settled.
        """
        monotonic_at = time.monotonic() - time.time()
        begun = {entry["body"]["messages"][-1]["content"]: entry["started"] for entry in house.demo.requests()}
        first, delay = [], []
        for exchange in exchanges:
            text = f"[[tokens {self.words}]] [[pace {PACE_MS}]] stream {exchange.number}"
            try:
                came = [event.came_at for event in events(exchange)]
            except Wrong:
                continue  # the ledger has it
            start = begun[text] + monotonic_at
            first += [(at - exchange.due_at) * 1000 for at in came[1:2]]
            with_text = list(enumerate(came))[1 : self.words + 1]
            delay += [(at - start) * 1000 - PACE_MS * number for number, at in with_text]
        return {"first": first, "delay": delay}


class StreamsBurst(Load):
    """Streams whose events all come at once, each connection as fast as it gets them."""

    name, title, words, is_stream = "burst", "SSE, 4 connections, 200 events without pause", 197, True

    def __init__(self, seconds: float) -> None:
        """``seconds``: of a round."""
        self._seconds = seconds

    def send(self, house: House, target: Target) -> list[Exchange]:
        """See ``Load``."""
        request = request_bytes(house.token, f"[[tokens {self.words}]] [[burst]]", stream=True)
        return closed_loop(target.port, request, connections=4, seconds=self._seconds)


class StreamsHeld(Load):
    """Many slow streams open at once; ``pss_mb`` is the target's memory at the moment when all are."""

    name, is_stream = "held", True
    PACE_MS = 300

    def __init__(self, streams: int, words: int) -> None:
        """``streams``: how many; ``words``: of each, so many that none ends before all have begun."""
        self.streams = streams
        self.words = words
        self.title = f"SSE, {streams} slow streams held"
        self.pss_mb = 0.0

    def send(self, house: House, target: Target) -> list[Exchange]:
        """See ``Load``."""
        text = f"[[tokens {self.words}]] [[pace {self.PACE_MS}]] held"
        requests = [request_bytes(house.token, text, stream=True)] * self.streams
        self.pss_mb = 0.0

        def look() -> None:
            self.pss_mb = target.pss_mb()

        return scheduled(target.port, requests, gap_s=0.005, connections=self.streams, when_all_begun=look)
