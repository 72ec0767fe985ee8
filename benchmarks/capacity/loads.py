"""What is put on an installation: whole answers as fast as they come, and streams that are held open."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.answers import STREAM, WHOLE, Expected, check, words_of
from benchmarks.calls import chat
from benchmarks.capacity.shapes import Installation
from benchmarks.exchange import Exchange
from benchmarks.load import drive
from benchmarks.sources import Closed, Timed
from benchmarks.targets import ALIAS, Target, bearer

WORDS = 20


@dataclass(slots=True)
class Whole:
    """One round of whole answers."""

    requests: int
    seconds: float
    gateway_us: float
    """CPU microseconds of all gateway processes for each request, and so on."""
    nginx_us: float
    database_us: float
    latency_ms: list[float]
    wrong: int

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


@dataclass(slots=True)
class Streams:
    """Streams of one load; CPU without that of opening them, as far as it fell before all were open."""

    streams: int
    events: int
    first_ms: list[float]
    delay_ms: list[float]
    gateway_us: float
    """CPU microseconds of the gateway for each event, the opening of the stream included."""
    grown_mb: float
    """Memory that the gateway took for them while all were open."""
    wrong: int


def whole_answers(at: Installation, *, seconds: float, connections: int = 16) -> Whole:
    """Ask in a closed loop, each request with the next account's token.

    Raises:
        LoadStalled: the installation stopped answering.
    """
    requests = [chat(_seen_by(at, token), f"[[json {WORDS}]]") for token in at.tokens]
    before = (at.gateway_cpu_s(), at.nginx_cpu_s(), at.database_cpu_s())
    begun = time.monotonic()
    loop = Closed(requests, connections=connections, seconds=seconds)
    drive(at.port, loop)
    done = loop.done
    took = max(each.ended_at for each in done) - begun
    after = (at.gateway_cpu_s(), at.nginx_cpu_s(), at.database_cpu_s())
    gateway_us, nginx_us, database_us = ((b - a) / len(done) * 1e6 for a, b in zip(before, after, strict=True))
    latency = [(each.ended_at - each.sent_at) * 1000 for each in done]
    return Whole(
        len(done), took, gateway_us, nginx_us, database_us, latency, _wrong(done, Expected(WORDS, ALIAS, WHOLE))
    )


def streams(at: Installation, count: int, *, words: int, pace_ms: int, started_within_s: float) -> Streams:
    """Open ``count`` streams, one after the other within the time, and read them to their ends.

    Raises:
        LoadStalled: the installation stopped answering.
    """
    text = f"[[paced {words} {pace_ms}]] held"
    requests = [chat(_seen_by(at, at.tokens[n % len(at.tokens)]), text, stream=True) for n in range(count)]
    memory_before, cpu_before = at.memory_mb(), at.gateway_cpu_s()
    memory_open: list[float] = []
    schedule = Timed(requests, gap_s=started_within_s / count, connections=count, is_lazy=True)
    drive(at.port, schedule, when_all_begun=lambda: memory_open.append(at.memory_mb()))
    done = schedule.done
    used_s = at.gateway_cpu_s() - cpu_before
    expected = Expected(words, ALIAS, STREAM)
    first, delay = [], []
    for exchange in done:
        came = words_of(exchange, expected)
        first += [(word.came_at - exchange.sent_at) * 1000 for word in came[:1]]
        delay += [(word.came_at - word.due_at) * 1000 for word in came]
    count_events = len(done) * words
    grown = (memory_open[0] if memory_open else memory_before) - memory_before
    return Streams(count, count_events, first, delay, used_s / count_events * 1e6, grown, _wrong(done, expected))


def _wrong(done: Sequence[Exchange], expected: Expected) -> int:
    return sum(bool(check(exchange, expected).wrong) for exchange in done)


def _seen_by(at: Installation, token: str) -> Target:
    """The installation as a target for one account's requests."""
    return Target(at.shape.name, at.port, (), ALIAS, (bearer(token),))


def p(values: Sequence[float], hundredths: int) -> float:
    """Return a percentile; the median of nothing is 0."""
    if not values:
        return 0.0
    if hundredths == 50:
        return statistics.median(values)
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * hundredths // 100)]
