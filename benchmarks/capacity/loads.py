"""What is put on an installation: whole answers as fast as they come, and streams that are held open."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.answers import Expected, Wrong, check, events
from benchmarks.capacity.shapes import Installation
from benchmarks.load import Connections, Exchange, LoadStalled, scheduled
from benchmarks.loads import request_bytes
from benchmarks.targets import ALIAS

WORDS = 20
STALLED_S = 30.0


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
    requests = itertools.cycle([request_bytes(token, f"[[tokens {WORDS}]]", stream=False) for token in at.tokens])
    before = (at.gateway_cpu_s(), at.nginx_cpu_s(), at.database_cpu_s())
    begun = time.monotonic()
    done: list[Exchange] = []
    with Connections(at.port, connections) as pool:
        while True:
            now = time.monotonic()
            while now < begun + seconds and pool.idle:
                pool.send(next(requests), 0, now, now)
            if not pool.running:
                break
            ended = pool.receive(STALLED_S)
            if not ended and time.monotonic() - now >= STALLED_S:
                raise LoadStalled
            done += ended
    took = max(each.ended_at for each in done) - begun
    after = (at.gateway_cpu_s(), at.nginx_cpu_s(), at.database_cpu_s())
    gateway_us, nginx_us, database_us = ((b - a) / len(done) * 1e6 for a, b in zip(before, after, strict=True))
    latency = [(each.ended_at - each.sent_at) * 1000 for each in done]
    return Whole(
        len(done), took, gateway_us, nginx_us, database_us, latency, _wrong(done, Expected(WORDS, ALIAS, False))
    )


def streams(at: Installation, count: int, *, words: int, pace_ms: int, started_within_s: float) -> Streams:
    """Open ``count`` streams, one after the other within the time, and read them to their ends.

    Raises:
        LoadStalled: the installation stopped answering.
    """
    text = f"[[tokens {words}]] [[pace {pace_ms}]] held"
    requests = [request_bytes(at.tokens[n % len(at.tokens)], text, stream=True) for n in range(count)]
    memory_before, cpu_before = at.memory_mb(), at.gateway_cpu_s()
    memory_open: list[float] = []
    done = scheduled(
        at.port,
        requests,
        gap_s=started_within_s / count,
        connections=count,
        when_all_begun=lambda: memory_open.append(at.memory_mb()),
    )
    used_s = at.gateway_cpu_s() - cpu_before
    expected = Expected(words, ALIAS, True)
    first, delay = [], []
    for exchange in done:
        try:
            came = [each.came_at for each in events(exchange)][1 : words + 1]
        except Wrong:
            continue
        if came:
            first.append((came[0] - exchange.sent_at) * 1000 - pace_ms)
            # The first word is due a pace after the request. The others are held against the first.
            delay += [(at_ - came[0]) * 1000 - pace_ms * number for number, at_ in enumerate(came)][1:]
    count_events = len(done) * expected.events
    grown = (memory_open[0] if memory_open else memory_before) - memory_before
    return Streams(count, count_events, first, delay, used_s / count_events * 1e6, grown, _wrong(done, expected))


def _wrong(done: Sequence[Exchange], expected: Expected) -> int:
    wrong = 0
    for exchange in done:
        try:
            check(exchange, expected)
        except Wrong:
            wrong += 1
    return wrong


def p(values: Sequence[float], hundredths: int) -> float:
    """Return a percentile; the median of nothing is 0."""
    if not values:
        return 0.0
    if hundredths == 50:
        return statistics.median(values)
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * hundredths // 100)]
