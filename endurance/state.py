"""Samples of a run, one every few seconds, and the state at rest that is compared: before the load, and after it."""

from __future__ import annotations

import contextlib
import http.client
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from endurance.house import House, Load
from endurance.ledger import Ledger
from endurance.processes import Look, Places, ask_census, census, fresh_census, look_at

_FIGURE = re.compile(r"^(smartroute_\w+)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)
CENSUS_EVERY = 5  # samples
STILL_LOOKS, STILL_LOOKS_AT_MOST, STILL_PAUSE_S = 4, 30, 0.4

Sample = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Still:
    """The gateway at rest."""

    master: Look
    workers: list[Look]
    greenlets: list[dict[str, int] | None]
    """Of each worker, by what they run; None: it did not tell."""
    breakers: Counter[str]
    """Routes of workers by the breaker's state."""
    open_attempts: int
    open_rows: int
    upstream_requests: int
    """What the upstreams are answering still."""


class Sampler:
    """Takes samples in a thread for the time of the block."""

    def __init__(self, house: House, load: Load, places: Places, every_s: float) -> None:
        """Begin with none."""
        self._house, self._load, self._places = house, load, places
        self._every_s = every_s
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._ledger = Ledger(house.gateway.database_url)
        self._started = time.monotonic()
        self._last: tuple[float, int] = (self._started, 0)
        self._looked_at, self._workers = self._started, list[Look]()
        self.samples: list[Sample] = []
        self.troubles: list[str] = []
        self.phase = "start"

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ends.wait(self._every_s):
            try:
                self.samples.append(self._sample())
            except Exception as error:  # of one sample, such as of a worker that was killed meanwhile
                self.troubles.append(f"{time.monotonic() - self._started:.0f} s: {error!r}")

    def _sample(self) -> Sample:
        now = time.monotonic()
        told = self._load.progress()
        counted = (told.get("at", now), told.get("sent", 0))
        seconds, sent = counted[0] - self._last[0], counted[1] - self._last[1]
        self._last = counted
        pids = self._house.gateway.worker_pids()
        if len(self.samples) % CENSUS_EVERY == 0:
            ask_census(pids)
        figures = metrics(self._house.gateway.port)
        workers = [look_at(pid, self._places) for pid in pids]
        return {
            "at_s": round(now - self._started, 1),
            "phase": self.phase,
            "master": look_at(self._house.gateway.master_pid, self._places).document(),
            "workers": [
                {**look.document(), "greenlets": _count(census(self._places.folder, look.pid))} for look in workers
            ],
            "requests_per_s": round(sent / seconds, 1) if seconds > 0 else 0.0,
            "open_requests": told.get("open", 0),
            "open_streams": _sum(figures, "smartroute_open_attempts", kind="stream"),
            "breakers_not_closed": _not_closed(figures),
            "open_rows": self._ledger.open_rows(),
            "lag_s": _sum(figures, "smartroute_loop_lag_seconds"),
            "starved_s": round(self._starved(now, workers), 3),
            "wal_mb": _mb(self._ledger.wal_bytes()),
            "database_mb": _mb(self._ledger.database_bytes()),
        }

    def _starved(self, now: float, workers: list[Look]) -> float:
        """Return how long of each second the worker with the worst luck waited for a core, since the last sample."""
        seconds, before = now - self._looked_at, {look.pid: look.waited_s for look in self._workers}
        self._looked_at, self._workers = now, workers
        waited = [look.waited_s - before[look.pid] for look in workers if look.pid in before]
        return max(waited, default=0.0) / seconds if seconds > 0 else 0.0


def look_when_still(house: House, places: Places) -> Still:
    """Look at everything at rest; of some looks at a process the one without a passer-by's connection counts.

    While a client's connection is left it goes on looking for a while: on a busy machine one closes late.
    """
    pids = house.gateway.worker_pids()
    looks: dict[int, list[Look]] = {pid: [] for pid in [house.gateway.master_pid, *pids]}
    for number in range(1, STILL_LOOKS_AT_MOST + 1):
        for pid, known in looks.items():
            known.append(look_at(pid, places))
        time.sleep(STILL_PAUSE_S)
        fewest = {pid: min(known, key=lambda look: (look.clients, look.fds)) for pid, known in looks.items()}
        if number >= STILL_LOOKS and not any(look.clients for look in fewest.values()):
            break
    figures = metrics(house.gateway.port)
    breakers: Counter[str] = Counter()
    for labels, value in figures.get("smartroute_breaker_workers", {}).items():
        breakers[dict(labels)["state"]] += int(value)
    return Still(
        master=fewest[house.gateway.master_pid],
        workers=[fewest[pid] for pid in pids],
        greenlets=[fresh_census(places.folder, pid) for pid in pids],
        breakers=breakers,
        open_attempts=int(_sum(figures, "smartroute_open_attempts")),
        open_rows=Ledger(house.gateway.database_url).open_rows(),
        upstream_requests=house.demos.open_requests(),
    )


def breakers_not_closed(house: House) -> int:
    """Return how many routes of workers are left out or on trial."""
    return _not_closed(metrics(house.gateway.port))


Figures = dict[str, dict[frozenset[tuple[str, str]], float]]


def metrics(port: int) -> Figures:
    """Return the figures of ``/metrics``, by name and labels."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", "/metrics", headers={"Connection": "close"})
        text = connection.getresponse().read().decode()
    found: Figures = {}
    for name, labels, value in _FIGURE.findall(text):
        pairs = frozenset(re.findall(r'(\w+)="([^"]*)"', labels))
        found.setdefault(name, {})[pairs] = float(value)
    return found


def _not_closed(figures: Figures) -> int:
    return sum(int(_sum(figures, "smartroute_breaker_workers", state=state)) for state in ("open", "half_open"))


def _sum(figures: Figures, name: str, **labels: str) -> float:
    return sum(value for known, value in figures.get(name, {}).items() if labels.items() <= dict(known).items())


def _count(greenlets: dict[str, int] | None) -> int | None:
    return None if greenlets is None else sum(greenlets.values())


def _mb(size: int | None) -> float | None:
    return None if size is None else round(size / 1e6, 2)


def until(check: Callable[[], bool], timeout_s: float, pause_s: float = 0.5) -> bool:
    """Wait until something is so; tell whether it became so in time."""
    end = time.monotonic() + timeout_s
    while not check():
        if time.monotonic() >= end:
            return False
        time.sleep(pause_s)
    return True
