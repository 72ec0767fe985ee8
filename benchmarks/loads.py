"""The loads of whole answers, and what every load is: what is sent, how, and what is noted of one round of it."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.answers import STREAM, WHOLE, Expected
from benchmarks.calls import chat, image
from benchmarks.exchange import Exchange
from benchmarks.house import House
from benchmarks.ledger import Ledger
from benchmarks.load import LoadStalled, drive
from benchmarks.sources import Closed, Timed
from benchmarks.targets import Target

WHOLE_WORDS = 20
PROMPT_BYTES = 40_000
IMAGE_BYTES = 3_750_000  # 5 MB in a request's body


@dataclass(slots=True)
class Round:
    """One target's figures of one round; a unit is a request, in streams an event with text."""

    units: int
    seconds: float
    cpu_s: float
    """Of the target's processes."""
    generator_cpu_s: float
    upstream_cpu_s: float = 0.0
    timings_ms: dict[str, list[float]] = field(default_factory=dict)
    failure: str | None = None
    """Why answers of a peer were none; then the figures mean nothing."""

    @property
    def per_second(self) -> float:
        """Units a second."""
        return self.units / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU microseconds of the target for each unit."""
        return self.cpu_s / self.units * 1e6


class Load(ABC):
    """One kind of load; ``run`` is one round."""

    name: str
    title: str
    words: int
    kind = WHOLE
    unit = "request"
    only: tuple[str, ...] | None = None
    """Names of the targets that it fits; None: all."""

    def run(self, house: House, target: Target, ledger: Ledger) -> Round:
        """Put the load on a target once; every answer is read afterwards.

        Raises:
            LoadStalled: a target that is no peer stopped answering.
        """
        self.prepare(target)
        upstream_before, cpu_before = house.direct.cpu_s(), target.cpu_s()
        own_before, begun = time.process_time(), time.monotonic()
        try:
            exchanges = self.send(target)
        except LoadStalled:
            if not target.is_peer:
                raise
            return Round(1, 1.0, 0.0, 0.0, failure="stopped answering")
        own_s, cpu_s = time.process_time() - own_before, target.cpu_s() - cpu_before
        upstream_s = house.direct.cpu_s() - upstream_before
        seconds = max(each.ended_at for each in exchanges) - begun
        expected = self.expected(target)
        failure = ledger.read(target, exchanges, expected)
        units = len(exchanges) * (1 if self.kind == WHOLE else self.words)
        return Round(units, seconds, cpu_s, own_s, upstream_s, self.timings(exchanges, expected), failure)

    def expected(self, target: Target) -> Expected:
        """What a right answer of a target holds."""
        return Expected(self.words, target.alias, self.kind)

    def prepare(self, target: Target) -> None:  # noqa: B027  (most have nothing to make)
        """Make what can be made before the clock runs."""

    @abstractmethod
    def send(self, target: Target) -> list[Exchange]:
        """Send a round's requests and wait for all answers, at least one."""

    def timings(self, exchanges: Sequence[Exchange], expected: Expected) -> dict[str, list[float]]:
        """What the answers' times tell, in milliseconds, by name."""
        return {}


class JsonClosedLoop(Load):
    """Whole answers, each connection as fast as it gets them."""

    name, title, words = "json", "JSON, closed loop, 8 connections", WHOLE_WORDS
    connections = 8

    def __init__(self, seconds: float) -> None:
        """``seconds``: of a round."""
        self._seconds = seconds
        self._requests: dict[int, bytes] = {}

    def request(self, target: Target) -> bytes:
        """What each connection sends."""
        return chat(target, f"[[json {self.words}]]")

    def prepare(self, target: Target) -> None:
        """See ``Load``."""
        if target.port not in self._requests:
            self._requests[target.port] = self.request(target)

    def send(self, target: Target) -> list[Exchange]:
        """See ``Load``."""
        loop = Closed([self._requests[target.port]], connections=self.connections, seconds=self._seconds)
        drive(target.port, loop)
        return loop.done


class JsonOfTwoWorkers(JsonClosedLoop):
    """The same with more connections, so that a second worker has some to take."""

    name, title, connections = "workers", "JSON, closed loop, 16 connections", 16

    def prepare(self, target: Target) -> None:
        """See ``Load``."""
        for each in (target, target.apart):
            if each is not None:
                super().prepare(each)

    def send(self, target: Target) -> list[Exchange]:
        """See ``Load``; of two servers each has half of the connections."""
        if target.apart is None:
            return super().send(target)
        loops = []
        for each in (target, target.apart):
            request = self._requests[each.port]
            loops.append(Closed([request], connections=self.connections // 2, seconds=self._seconds))
            loops[-1].port = each.port
        drive(target.port, *loops)
        return [exchange for loop in loops for exchange in loop.done]


class LongPrompts(JsonClosedLoop):
    """The same with prompts of 40 KB."""

    name, title = "prompts", f"JSON, prompts of {PROMPT_BYTES // 1000} KB, closed loop, 8 connections"

    def request(self, target: Target) -> bytes:
        """See ``JsonClosedLoop``."""
        words = random.Random(7).choices(["the", "gateway", "measures", "what", "a", "prompt", "costs", "…"], k=9000)
        filler = " ".join(words).encode()[:PROMPT_BYTES].decode(errors="ignore")
        return chat(target, f"[[json {self.words}]]", filler=filler)


class Images(JsonClosedLoop):
    """The same with a picture in each request, on two connections."""

    name, title, connections = "image", "JSON, bodies of 5 MB with an image, closed loop, 2 connections", 2

    def request(self, target: Target) -> bytes:
        """See ``JsonClosedLoop``."""
        return image(target, f"[[json {self.words}]]", b"\x89PNG\r\n\x1a\n" + random.Random(7).randbytes(IMAGE_BYTES))


class JsonAtRate(Load):
    """Whole answers at a fixed rate; the time runs from when the request was due, sent or not."""

    name, title, words = "rate", "JSON, 40 requests a second", WHOLE_WORDS
    PER_SECOND = 40

    def __init__(self, seconds: float) -> None:
        """``seconds``: of a round."""
        self._count = max(2, round(seconds * self.PER_SECOND))

    def send(self, target: Target) -> list[Exchange]:
        """See ``Load``."""
        requests = [chat(target, f"[[json {self.words}]]")] * self._count
        schedule = Timed(requests, gap_s=1 / self.PER_SECOND, connections=8, delay_s=0.002)
        drive(target.port, schedule)
        return schedule.done

    def timings(self, exchanges: Sequence[Exchange], expected: Expected) -> dict[str, list[float]]:
        """See ``Load``."""
        return {"latency": [(each.ended_at - each.due_at) * 1000 for each in exchanges]}


class WarmUp(JsonClosedLoop):
    """A few requests, so that every server has loaded what it loads at its first ones."""

    name, title, connections = "warm-up", "warm-up", 1

    def __init__(self, kind: str) -> None:
        """``kind``: WHOLE or STREAM."""
        super().__init__(0.2)
        self.kind = kind

    def request(self, target: Target) -> bytes:
        """See ``JsonClosedLoop``."""
        if self.kind == STREAM:
            return chat(target, f"[[burst {self.words}]]", stream=True)
        return super().request(target)
