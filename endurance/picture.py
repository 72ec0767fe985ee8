"""A run as one SVG: a small picture for each figure over time, one below the other, light or dark as the reader has it.

Drawn by hand like the other pictures of the house; it needs no script and nothing from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from readable import scale

WIDTH, LEFT, RIGHT = 960, 64, 16
HEAD, PANEL, PLOT, FOOT = 34, 118, 78, 36
MOST_POINTS = 360

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #16181d; }
.quiet { fill: #5a5f69; font-size: 12px; }
.paper { fill: #fbfaf7; } .rest { fill: #edeae2; } .hair { stroke: #dcd9d1; }
.line { fill: none; stroke-width: 1.5; stroke-linejoin: round; }
.line.s0 { stroke: #0b6e99; } .line.s1 { stroke: #ad430a; } .line.s2 { stroke: #5b6470; }
text.s0 { fill: #0b6e99; } text.s1 { fill: #ad430a; } text.s2 { fill: #5b6470; }
@media (prefers-color-scheme: dark) {
text { fill: #ecedef; } .quiet { fill: #a0a6b0; }
.paper { fill: #101216; } .rest { fill: #1d2129; } .hair { stroke: #2c3038; }
.line.s0 { stroke: #5cc1ea; } .line.s1 { stroke: #f5a15b; } .line.s2 { stroke: #a3adba; }
text.s0 { fill: #5cc1ea; } text.s1 { fill: #f5a15b; } text.s2 { fill: #a3adba; }
}
"""

Sample = dict[str, Any]
Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Series:
    """Lines of one kind: a name, and for each line its points (seconds, value)."""

    name: str
    lines: list[Points]


def picture(document: dict[str, Any]) -> str:
    """Return the SVG of a run's document."""
    samples: list[Sample] = document["samples"]
    panels = [(title, series) for title, series in _panels(samples) if any(each.lines for each in series)]
    end = max((each["at_s"] for each in samples), default=1.0) or 1.0
    height = HEAD + len(panels) * PANEL + FOOT
    plan = document["plan"]
    title = f"{plan['minutes']:g} minutes of mixed load, {plan['workers']} workers, {plan['database']}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        f'<text x="{LEFT}" y="22" font-weight="600">{escape(title)}, {document["requests"]:,} requests</text>',
    ]
    for number, (name, series) in enumerate(panels):
        parts += _panel(name, series, HEAD + number * PANEL, end, _rests(samples))
    parts += _time_axis(end, HEAD + len(panels) * PANEL)
    return "\n".join([*parts, "</svg>", ""])


def _panels(samples: Sequence[Sample]) -> Iterator[tuple[str, list[Series]]]:
    def whole(name: str, key: str, factor: float = 1) -> Series:
        points = [(each["at_s"], each[key] * factor) for each in samples if each[key] is not None]
        return Series(name, [points] if points else [])

    def workers(key: str) -> Series:
        lines: dict[int, Points] = {}
        for each in samples:
            for worker in each["workers"]:
                if worker[key] is not None:
                    lines.setdefault(worker["pid"], []).append((each["at_s"], worker[key]))
        return Series("each worker", list(lines.values()))

    master = Series("master", [[(each["at_s"], each["master"]["pss_mb"]) for each in samples]])
    yield "Memory (PSS), MB", [workers("pss_mb"), master]
    yield "File descriptors", [workers("fds")]
    yield "Greenlets", [workers("greenlets")]
    yield "Under way", [whole("requests", "open_requests"), whole("streams from upstreams", "open_streams")]
    yield "Requests a second", [whole("sent", "requests_per_s")]
    lag = whole("event loop", "lag_s", 1000), whole("waited for a core, each second", "starved_s", 1000)
    yield "Late by, ms", [lag[0], Series("", []), lag[1]]
    yield "Routes left out, all workers", [whole("breakers not closed", "breakers_not_closed")]
    yield "Write-ahead log, MB", [whole("size", "wal_mb")]


def _panel(title: str, series: Sequence[Series], top: float, end: float, rests: Points) -> Iterator[str]:
    values = [value for each in series for line in each.lines for _, value in line]
    _, most = scale(max(1, round(max(values, default=1) + 0.499)))
    floor = top + 22 + PLOT

    def x(seconds: float) -> float:
        return round(LEFT + seconds / end * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(floor - value / most * PLOT, 1)

    for begins, ends in rests:
        yield f'<rect class="rest" x="{x(begins)}" y="{top + 22}" width="{x(ends) - x(begins):.1f}" height="{PLOT}"/>'
    yield f'<text x="{LEFT}" y="{top + 15}">{escape(title)}</text>'
    place = LEFT + 220
    for number, each in enumerate(series):
        if each.lines:
            yield f'<text class="s{number}" x="{place}" y="{top + 15}" font-size="12">{escape(each.name)}</text>'
            place += 30 + 7 * len(each.name)
    for value in (0, most):
        yield f'<path class="hair" d="M{LEFT} {y(value)}H{WIDTH - RIGHT}"/>'
        yield f'<text class="quiet" x="{LEFT - 8}" y="{y(value) + 4}" text-anchor="end">{value:,}</text>'
    for number, each in enumerate(series):
        for line in each.lines:
            points = " ".join(f"{x(at)},{y(value)}" for at, value in _thinned(line))
            yield f'<polyline class="line s{number}" points="{points}"/>'


def _thinned(line: Points) -> Points:
    """Of each group of neighbours the highest, so that no peak is lost."""
    group = len(line) // MOST_POINTS + 1
    highest: Callable[[tuple[float, float]], float] = lambda point: point[1]  # noqa: E731
    return [max(line[begin : begin + group], key=highest) for begin in range(0, len(line), group)]


def _rests(samples: Sequence[Sample]) -> Points:
    """Return from when until when nothing was sent."""
    found: Points = []
    begins: float | None = None
    for each in samples:
        if each["phase"] == "rest":
            begins = each["at_s"] if begins is None else begins
        elif begins is not None:
            found.append((begins, each["at_s"]))
            begins = None
    if begins is not None:
        found.append((begins, samples[-1]["at_s"]))
    return found


def _time_axis(end: float, top: float) -> Iterator[str]:
    minutes = end / 60
    step = next((each for each in (0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120) if minutes / each <= 10), 240)
    for number in range(int(minutes / step) + 1):
        x = LEFT + number * step / minutes * (WIDTH - LEFT - RIGHT)
        yield f'<text class="quiet" x="{x:.1f}" y="{top + 14}" text-anchor="middle">{number * step:g}</text>'
    x = WIDTH - RIGHT
    yield f'<text class="quiet" x="{x}" y="{top + 30}" text-anchor="end">minutes; shaded: nothing is sent</text>'
