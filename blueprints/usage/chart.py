"""The picture of the last days: one bar a day, stacked by alias. Lengths along are per cent, heights are pixels.

So the picture stretches with the page while its letters keep their size; styles and colours come from classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from msgspec import Struct

from readable import scale, short_date
from service.reports.usage_report import Day, Report

TOP, BASELINE, HEIGHT = 12, 200, 224
LETTER_FITS = 16  # pixels of height
THINNEST = 2.0
SLIT = 1.0  # between the parts of a bar
BAR_SHARE = 0.72  # of the room of a day
LABEL_EVERY = 7  # days, counted back from today


class Part(Struct, frozen=True):
    """What one alias was used for on one day."""

    alias: str
    requests: int
    y: float
    height: float

    @property
    def has_letter(self) -> bool:
        """Tell whether its letter fits inside."""
        return self.height >= LETTER_FITS

    @property
    def middle(self) -> float:
        """Where its letter stands."""
        return round(self.y + self.height / 2 + 4, 1)


class Bar(Struct, frozen=True):
    """One day."""

    day: Day
    parts: list[Part]
    room_x: float
    room_width: float
    label: str

    @property
    def x(self) -> float:
        """Where the bar begins."""
        return round(self.room_x + self.room_width * (1 - BAR_SHARE) / 2, 3)

    @property
    def width(self) -> float:
        """How wide the bar is."""
        return round(self.room_width * BAR_SHARE, 3)

    @property
    def middle(self) -> float:
        """Where its letters and its label stand."""
        return round(self.room_x + self.room_width / 2, 3)


class Chart(Struct, frozen=True):
    """The picture: bars, and lines with the number of requests that they stand for."""

    bars: list[Bar]
    lines: list[tuple[float, int]]
    height: int = HEIGHT
    baseline: int = BASELINE


def chart_of(report: Report) -> Chart:
    """Draw a report."""
    step, top = scale(max((day.requests for day in report.days), default=0))
    lines = [(_height_of(value, top), value) for value in range(step, top + 1, step)]
    order = list(report.by_alias)
    room = 100 / len(report.days)
    bars = [
        Bar(
            day=day,
            parts=_parts(day, order, top),
            room_x=round(number * room, 3),
            room_width=room,
            label=_label(day.date, len(report.days) - 1 - number),
        )
        for number, day in enumerate(report.days)
    ]
    return Chart(bars, [(round(BASELINE - height, 1), value) for height, value in lines])


def _parts(day: Day, order: Sequence[str], top: int) -> list[Part]:
    parts = []
    floor = float(BASELINE)
    for alias in order:
        tally = day.by_alias.get(alias)
        if tally is None or not tally.requests:
            continue
        height = max(THINNEST, _height_of(tally.requests, top) - SLIT)
        parts.append(Part(alias, tally.requests, round(floor - height, 1), round(height, 1)))
        floor -= height + SLIT
    return parts


def _height_of(value: int, top: int) -> float:
    return value / top * (BASELINE - TOP)


def _label(day: date, days_ago: int) -> str:
    if days_ago == 0:
        return "Today"
    return short_date(day) if days_ago % LABEL_EVERY == 0 else ""
