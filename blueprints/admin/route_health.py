"""What the workers of this machine know of each route, as the health page shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

MINUTES = 10
"""Of the picture; the figures are of the last five."""
COUNTED_MINUTES = 5


class Trouble(Struct, frozen=True):
    """Why one worker leaves a route out, and for how long still (seconds; 0: until a trial has told)."""

    pid: int
    state: str
    seconds: int


class Bar(Struct, frozen=True):
    """One minute of the picture: attempts that ended, and failures among them."""

    ends: int
    failures: int


class Times(Struct, frozen=True):
    """Times to the first output in milliseconds: half and 95 per cent of so many took no longer."""

    count: int
    p50: int
    p95: int


class RouteView(Struct, frozen=True):
    """One route as all workers together see it."""

    upstream: str
    model: str
    healthy: int
    """Workers that would use it now."""
    troubles: list[Trouble]
    open_streams: int
    open_answers: int
    ends: int
    """Attempts that ended within the counted minutes."""
    failures: int
    streams: Times | None
    answers: Times | None
    last_failure: str | None
    """The error's code."""
    failed_at: datetime | None
    pauses: int
    """How often it asked to be left alone, since these workers started."""
    bars: list[Bar]

    @property
    def failed_percent(self) -> int:
        """Failures in per cent of the attempts; what failed at all is at least one."""
        return 0 if not self.failures else max(1, round(100 * self.failures / self.ends))


def views_of(routes: Iterable[dict[str, Any]], workers: int, monotonic: float) -> list[RouteView]:
    """Put together what ``workers`` workers tell of each route; ``monotonic`` is now, on the machine's clock."""
    return [_view(route, workers, int(monotonic // 60)) for route in routes]


def _view(route: dict[str, Any], workers: int, minute: int) -> RouteView:
    known: list[dict[str, Any]] = route["workers"]
    bars = [_bar(known, number) for number in range(minute - MINUTES + 1, minute + 1)]
    troubles = [trouble for each in known if (trouble := _trouble(each)) is not None]
    failures = [each["last_failure"] for each in known if each["last_failure"] is not None]
    code, at = max(failures, key=lambda failure: failure[1], default=(None, None))
    since = minute - COUNTED_MINUTES + 1
    return RouteView(
        upstream=route["upstream"],
        model=route["model"],
        healthy=workers - len(troubles),
        troubles=troubles,
        open_streams=sum(each["open_streams"] for each in known),
        open_answers=sum(each["open_answers"] for each in known),
        ends=sum(bar.ends for bar in bars[-COUNTED_MINUTES:]),
        failures=sum(bar.failures for bar in bars[-COUNTED_MINUTES:]),
        streams=_times(_pairs(known, "streams", since)),
        answers=_times(_pairs(known, "answers", since)),
        last_failure=code,
        failed_at=None if at is None else datetime.fromtimestamp(at, UTC),
        pauses=sum(each["rate_limits"] for each in known),
        bars=bars,
    )


def _trouble(told: dict[str, Any]) -> Trouble | None:
    if told["pause_s"] > 0:
        return Trouble(told["pid"], "rate_limited", round(told["pause_s"]))
    if told["state"] == "closed":
        return None
    return Trouble(told["pid"], told["state"], round(told["wait_s"]) if told["state"] == "open" else 0)


def _bar(known: Sequence[dict[str, Any]], number: int) -> Bar:
    minutes = [minute for each in known for minute in each["minutes"] if minute["minute"] == number]
    return Bar(sum(minute["ends"] for minute in minutes), sum(minute["failures"] for minute in minutes))


def _pairs(known: Sequence[dict[str, Any]], kind: str, since: int) -> list[tuple[int, int]]:
    return [
        (milliseconds, count)
        for each in known
        for minute in each["minutes"]
        if minute["minute"] >= since
        for milliseconds, count in minute[kind]
    ]


def _times(pairs: list[tuple[int, int]]) -> Times | None:
    whole = sum(count for _, count in pairs)
    if not whole:
        return None
    pairs.sort()
    return Times(whole, _quantile(pairs, 0.5 * whole), _quantile(pairs, 0.95 * whole))


def _quantile(pairs: Sequence[tuple[int, int]], wanted: float) -> int:
    so_far = 0
    for milliseconds, count in pairs:
        so_far += count
        if so_far >= wanted:
            return milliseconds
    return pairs[-1][0]
