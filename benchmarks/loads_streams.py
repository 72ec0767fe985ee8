"""The loads of streams: at the pace of a model, in a burst, held in thousands; chat, and Responses over chat."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from benchmarks.answers import RESPONSES, STREAM, Expected, words_of
from benchmarks.calls import chat, responses
from benchmarks.exchange import Exchange
from benchmarks.load import drive
from benchmarks.loads import Load
from benchmarks.sources import Closed, Timed
from benchmarks.targets import GATEWAY, LITELLM, Target

PACE_MS = 25
TRANSLATORS = (GATEWAY, LITELLM)  # who speaks Responses to its clients and chat to the upstream


def delays_ms(exchanges: Sequence[Exchange], expected: Expected) -> dict[str, list[float]]:
    """Time to the first word, from when its request was due, and each word's delay since the upstream had it due.

    What holds no text is not in them: the announcement of the role, which a gateway may hold back until there is
    output, and what ends an answer, which it may hold back until the row is settled.
    """
    first, delay = [], []
    for exchange in exchanges:
        found = words_of(exchange, expected)
        first += [(word.came_at - exchange.due_at) * 1000 for word in found[:1]]
        delay += [(word.came_at - word.due_at) * 1000 for word in found]
    return {"first": first, "delay": delay}


class StreamsPaced(Load):
    """Twelve streams at once, at the pace of a model."""

    name, title, words, kind, unit = "paced", f"SSE, 12 streams of 30 events, {PACE_MS} ms apart", 30, STREAM, "event"
    STREAMS = 12

    def request(self, target: Target, text: str) -> bytes:
        """One stream's request."""
        return chat(target, text, stream=True)

    def send(self, target: Target) -> list[Exchange]:
        """See ``Load``."""
        requests = [self.request(target, f"[[paced {self.words} {PACE_MS}]] stream {n}") for n in range(self.STREAMS)]
        schedule = Timed(requests, gap_s=0, connections=self.STREAMS)
        drive(target.port, schedule)
        return schedule.done

    def timings(self, exchanges: Sequence[Exchange], expected: Expected) -> dict[str, list[float]]:
        """See ``Load``."""
        return delays_ms(exchanges, expected)


class ResponsesPaced(StreamsPaced):
    """The same asked for by the Responses API; the upstream knows chat alone."""

    name, title = "responses-paced", f"Responses over chat, 12 streams of 30 events, {PACE_MS} ms apart"
    kind, only = RESPONSES, TRANSLATORS

    def request(self, target: Target, text: str) -> bytes:
        """See ``StreamsPaced``."""
        return responses(target, text)


class StreamsBurst(Load):
    """Streams whose events all come at once, each connection as fast as it gets them."""

    name, title, words, kind, unit = "burst", "SSE, 4 connections, 200 events without pause", 200, STREAM, "event"

    def __init__(self, seconds: float) -> None:
        """``seconds``: of a round."""
        self._seconds = seconds

    def request(self, target: Target) -> bytes:
        """What each connection sends."""
        return chat(target, f"[[burst {self.words}]]", stream=True)

    def send(self, target: Target) -> list[Exchange]:
        """See ``Load``."""
        loop = Closed([self.request(target)], connections=4, seconds=self._seconds)
        drive(target.port, loop)
        return loop.done


class ResponsesBurst(StreamsBurst):
    """The same asked for by the Responses API; the upstream knows chat alone."""

    name, title = "responses-burst", "Responses over chat, 4 connections, 200 events without pause"
    kind, only = RESPONSES, TRANSLATORS

    def request(self, target: Target) -> bytes:
        """See ``StreamsBurst``."""
        return responses(target, f"[[burst {self.words}]]")


class StreamsHeld(Load):
    """Very many slow streams, held at once by one worker; ``pss_mb`` is its memory when all are open."""

    name, kind, unit = "held", STREAM, "event"

    def __init__(self, streams: int, *, words: int, pace_ms: int, ramp_s: float) -> None:
        """Streams begin within ``ramp_s`` seconds, and so many words that none ends before all have begun."""
        self.streams = streams
        self.words = words
        self.pace_ms = pace_ms
        self.ramp_s = ramp_s
        self.title = (
            f"SSE, {streams:,} slow streams of {words} events, {pace_ms / 1000:g} s apart, begun in {ramp_s:g} s"
        )
        self.pss_mb = 0.0

    def send(self, target: Target) -> list[Exchange]:
        """See ``Load``."""
        request = chat(target, f"[[paced {self.words} {self.pace_ms}]] held", stream=True)
        schedule = Timed(
            [request] * self.streams, gap_s=self.ramp_s / self.streams, connections=self.streams, is_lazy=True
        )
        self.pss_mb = 0.0

        def look() -> None:
            self.pss_mb = target.pss_mb()

        # Beside the clock: the system takes a while to add a large process up.
        looking = threading.Thread(target=look)
        drive(target.port, schedule, when_all_begun=looking.start)
        if looking.ident is not None:
            looking.join()
        return schedule.done

    def timings(self, exchanges: Sequence[Exchange], expected: Expected) -> dict[str, list[float]]:
        """See ``Load``."""
        return delays_ms(exchanges, expected)
