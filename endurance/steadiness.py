"""Whether the gateway is where it began: its state at rest after the load held against that before it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from endurance.expectations import Expectation
from endurance.state import Sample, Still

MOST_LAG_S = 0.25
LAG_FROM = 100  # samples; of fewer no hundredth can be told
# Every commit moves it into the file from 80 MB on (`WAL_AUTOCHECKPOINT_PAGES`); it keeps the size that it once had.
MOST_WAL_MB = 100.0
MOST_SLOPE_MB_H = 10.0
SLOPE_FROM_S = 600.0
"""A shorter second half has more chance than slope."""
MOST_THREADS_MORE = 2
# Connections that pools keep by design: of `upstream_connections` for each upstream, of `engine` for the database.
MOST_UPSTREAM = 4 * 256
MOST_DATABASE = 3 * 10


@dataclass(frozen=True, slots=True)
class Growth:
    """How much memory a worker may have gained: a share and some megabytes."""

    share: float
    mb: float

    def allows(self, before_mb: float, after_mb: float) -> bool:
        """Tell whether it stayed within."""
        return after_mb <= before_mb * (1 + self.share) + self.mb


# After a warm-up of minutes caches are full but for SQLite's pages, 2 MB a connection, which fill as the file grows;
# a short run begins with none.
SETTLED, FRESH = Growth(0.05, 6.0), Growth(0.25, 15.0)


def judge(
    before: Still, after: Still, samples: Sequence[Sample], *, growth: Growth, had_kills: bool
) -> list[Expectation]:
    """Hold the two states against each other, and the samples against their bounds."""
    most = max(look.pss_mb for look in before.workers)
    fds = sorted(look.own_fds for look in before.workers)
    fds_after = sorted(look.own_fds for look in after.workers)
    kept = max(look.upstreams for look in after.workers)
    databases = max(look.databases for look in after.workers)
    loaded = [each for each in samples if each["phase"] == "mixed"]
    found = [
        Expectation(
            "File descriptors are where they began, kept connections aside",
            set(fds_after) <= set(fds) and after.master.own_fds == before.master.own_fds,
            f"workers {fds} before, {fds_after} after; master {before.master.own_fds}, {after.master.own_fds}",
        ),
        Expectation(
            "No client's connection is left",
            not any(look.clients for look in after.workers),
            f"{sum(look.clients for look in after.workers)} left",
        ),
        Expectation(
            "Kept connections stay within their pools",
            kept <= MOST_UPSTREAM and databases <= MOST_DATABASE,
            f"to upstreams {kept} a worker, to the database {databases} descriptors",
        ),
        Expectation(
            "Greenlets are where they began",
            all(_was_there(each, before.greenlets) for each in after.greenlets),
            f"{_counts(before.greenlets)} before, {_counts(after.greenlets)} after",
            tuple(
                _difference(before.greenlets[0], each)
                for each in after.greenlets
                if not _was_there(each, before.greenlets)
            ),
        ),
        Expectation(
            "Threads are where they began, but for those that a pool of ten keeps",
            max(look.threads for look in after.workers) <= 10 + MOST_THREADS_MORE,
            f"{[look.threads for look in before.workers]} before, {[look.threads for look in after.workers]} after",
        ),
        Expectation(
            f"Memory of each worker is where it began, to {growth.share:.0%} and {growth.mb:g} MB",
            all(growth.allows(most, look.pss_mb) for look in after.workers)
            and growth.allows(before.master.pss_mb, after.master.pss_mb),
            f"{[look.pss_mb for look in before.workers]} MB before, {[look.pss_mb for look in after.workers]} after; "
            f"master {before.master.pss_mb} MB, {after.master.pss_mb}",
        ),
        Expectation("No reservation is open", after.open_rows == 0, f"{after.open_rows} open"),
        Expectation(
            "Nothing runs at an upstream any more",
            after.upstream_requests == 0 and after.open_attempts == 0,
            f"upstreams answer {after.upstream_requests}, the gateway waits for {after.open_attempts}",
        ),
        Expectation(
            "All breakers are closed",
            set(after.breakers) == {"closed", "open", "half_open"}
            and after.breakers["closed"] == after.breakers.total(),
            ", ".join(f"{count} {state}" for state, count in after.breakers.items()),
        ),
        _wal(samples),
    ]
    if len(loaded) >= LAG_FROM:
        found.append(_lag(loaded))
    slope = None if had_kills else steepest_slope(loaded)
    if slope is not None:
        found.append(
            Expectation(
                f"Memory of no worker rises by more than {MOST_SLOPE_MB_H:g} MB an hour in the second half",
                slope <= MOST_SLOPE_MB_H,
                f"{slope:+.1f} MB an hour",
            )
        )
    return found


def steepest_slope(loaded: Sequence[Sample]) -> float | None:
    """Return the steepest rise of a worker's memory over the second half, MB an hour; None: too short to tell."""
    half = loaded[len(loaded) // 2 :]
    if not half or half[-1]["at_s"] - half[0]["at_s"] < SLOPE_FROM_S:
        return None
    points: dict[int, list[tuple[float, float]]] = {}
    for sample in half:
        for worker in sample["workers"]:
            points.setdefault(worker["pid"], []).append((sample["at_s"] / 3600, worker["pss_mb"]))
    return max(_slope(each) for each in points.values())


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that ``share`` of them do not exceed; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _slope(points: Sequence[tuple[float, float]]) -> float:
    middle_x, middle_y = mean(x for x, _ in points), mean(y for _, y in points)
    across = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / across if across else 0.0


def _lag(loaded: Sequence[Sample]) -> Expectation:
    # On a machine with other work a worker may be ready and have no core; that is not its own doing.
    own = [max(0.0, each["lag_s"] - each["starved_s"]) for each in loaded]
    lag = percentile(own, 0.99)
    return Expectation(
        f"The event loop is late by at most {MOST_LAG_S:g} s at p99, beyond the wait for a core in a second",
        lag <= MOST_LAG_S,
        f"p50 {percentile(own, 0.5):.3f} s, p99 {lag:.3f} s; "
        f"with that {percentile([each['lag_s'] for each in loaded], 0.99):.3f} s",
    )


def _wal(samples: Sequence[Sample]) -> Expectation:
    sizes = [each["wal_mb"] for each in samples if each["wal_mb"] is not None]
    told = f"{max(sizes):g} MB at most" if sizes else "the database has none"
    return Expectation("SQLite's write-ahead log stays small", max(sizes, default=0) <= MOST_WAL_MB, told)


def _was_there(greenlets: dict[str, int] | None, before: Sequence[dict[str, int] | None]) -> bool:
    """Tell whether a worker then had at least as many of each kind; fewer now is no leak."""
    return greenlets is not None and any(
        each is not None and all(each.get(name, 0) >= count for name, count in greenlets.items()) for each in before
    )


def _counts(greenlets: Sequence[dict[str, int] | None]) -> list[int | None]:
    return [None if each is None else sum(each.values()) for each in greenlets]


def _difference(before: dict[str, int] | None, after: dict[str, int] | None) -> str:
    before, after = before or {}, after or {}
    names = sorted({*before, *after})
    changed: dict[str, Any] = {
        name: (before.get(name, 0), after.get(name, 0)) for name in names if before.get(name, 0) != after.get(name, 0)
    }
    return ", ".join(f"{name}: {was} before, {now} after" for name, (was, now) in changed.items())
