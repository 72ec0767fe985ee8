"""The loads of two kinds at once: what a burst, or another program's lock, does to streams that are under way."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks.answers import STREAM, WHOLE, Expected
from benchmarks.calls import chat
from benchmarks.exchange import Exchange
from benchmarks.house import House, database_path
from benchmarks.ledger import Ledger
from benchmarks.load import drive
from benchmarks.loads import WHOLE_WORDS, Load, Round
from benchmarks.loads_streams import delays_ms
from benchmarks.sources import Closed, Timed
from benchmarks.targets import GATEWAY, Target
from tests.harness.processes import ROOT


class SlowBesideBurst(Load):
    """Thirty slow streams, alone and then beside four clients that drink bursts of 2,000 events."""

    name, title = "beside", "30 slow streams, an event each 50 ms, alone and beside 4 clients that drink bursts"
    kind, unit = STREAM, "event"
    STREAMS, PACE_MS, BURST_WORDS = 30, 50, 2000

    def __init__(self, words: int) -> None:
        """``words``: of a slow stream."""
        self.words = words
        self._alone: list[Exchange] = []
        self._beside: list[Exchange] = []
        self._bursts: list[Exchange] = []

    def run(self, house: House, target: Target, ledger: Ledger) -> Round:
        """See ``Load``."""
        round_ = super().run(house, target, ledger)
        expected = Expected(self.BURST_WORDS, target.alias, STREAM)
        round_.failure = ledger.read(target, self._bursts, expected) or round_.failure
        return round_

    def send(self, target: Target) -> list[Exchange]:
        """See ``Load``."""
        alone, beside = self._slow(target), self._slow(target)
        request = chat(target, f"[[burst {self.BURST_WORDS}]]", stream=True)
        bursts = Closed([request], connections=4, seconds=self.words * self.PACE_MS / 1000)
        drive(target.port, alone)
        drive(target.port, beside, bursts)
        self._alone, self._beside, self._bursts = alone.done, beside.done, bursts.done
        return [*alone.done, *beside.done]

    def timings(self, exchanges: Sequence[Exchange], expected: Expected) -> dict[str, list[float]]:
        """See ``Load``."""
        return {
            "alone": delays_ms(self._alone, expected)["delay"],
            "beside": delays_ms(self._beside, expected)["delay"],
        }

    def _slow(self, target: Target) -> Timed:
        request = chat(target, f"[[paced {self.words} {self.PACE_MS}]] slow", stream=True)
        return Timed([request] * self.STREAMS, gap_s=0.01, connections=self.STREAMS)


class StreamsUnderLock(Load):
    """Streams with an event each 10 ms and 60 requests a second, while another process holds SQLite's write lock.

    The delay of those events is the lag of the worker's loop as a client sees it, the relaying of the event included.
    """

    name = "lock"
    title = (
        "3 streams, an event each 10 ms, and 60 requests a second; another process holds the write lock 0.3 s of each"
    )
    kind, unit, only = STREAM, "event", (GATEWAY,)
    STREAMS, PACE_MS, PER_SECOND = 3, 10, 60

    def __init__(self, seconds: float) -> None:
        """``seconds``: with the lock held now and then; as long before that without."""
        self.words = round(seconds * 1000 / self.PACE_MS)
        self._requests = round(seconds * self.PER_SECOND)
        self._free: list[Exchange] = []
        self._locked: list[Exchange] = []
        self._whole: dict[str, list[Exchange]] = {}
        self._path = ""

    def run(self, house: House, target: Target, ledger: Ledger) -> Round:
        """See ``Load``."""
        self._path = database_path(house.service)
        round_ = super().run(house, target, ledger)
        for exchanges in self._whole.values():
            ledger.read(target, exchanges, Expected(WHOLE_WORDS, target.alias, WHOLE))
        return round_

    def send(self, target: Target) -> list[Exchange]:
        """See ``Load``."""
        self._free, self._whole["free"] = self._both(target)
        with lock_held(self._path):
            self._locked, self._whole["locked"] = self._both(target)
        return [*self._free, *self._locked]

    def timings(self, exchanges: Sequence[Exchange], expected: Expected) -> dict[str, list[float]]:
        """See ``Load``."""
        latency = {
            name: [(each.ended_at - each.due_at) * 1000 for each in whole] for name, whole in self._whole.items()
        }
        return {
            "free": delays_ms(self._free, expected)["delay"],
            "locked": delays_ms(self._locked, expected)["delay"],
            "free latency": latency["free"],
            "locked latency": latency["locked"],
        }

    def _both(self, target: Target) -> tuple[list[Exchange], list[Exchange]]:
        stream = chat(target, f"[[paced {self.words} {self.PACE_MS}]] probe", stream=True)
        probes = Timed([stream] * self.STREAMS, gap_s=0.003, connections=self.STREAMS)
        whole = [chat(target, f"[[json {WHOLE_WORDS}]]")] * self._requests
        requests = Timed(whole, gap_s=1 / self.PER_SECOND, connections=64, is_lazy=True)
        drive(target.port, probes, requests)
        return probes.done, requests.done


@contextmanager
def lock_held(path: str) -> Iterator[None]:
    """Let another process hold the write lock of a SQLite file 0.3 s of each second, meanwhile."""
    command = [sys.executable, "-m", "benchmarks.lock_holder", path]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdout.readline()  # it holds the lock now
        try:
            yield
        finally:
            holder.stdin.close()
