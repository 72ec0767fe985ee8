"""What the house used as bars: one for each day or month, stacked by alias or upstream. As on the usage page,

lengths along are per cent and heights are pixels, so the picture stretches while its letters keep their size.
"""

from __future__ import annotations

import math
from datetime import date

from msgspec import Struct

from blueprints.admin.usage_figures import Figure
from models.usage_sums import DAY
from readable import rounded, scale, short_date
from service.reports.house_report import HouseReport

TOP, BASELINE, HEIGHT = 12, 200, 224
THINNEST, SLIT = 2.0, 1.0
LETTER_FITS = 16
BAR_SHARE = 0.72
LABELS = 4  # dates along the line, about


class Part(Struct, frozen=True):
    """What one key was used for in one step of time."""

    key: str
    text: str
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
    """One day or month."""

    date: date
    whole: str
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
        """Where its label stands."""
        return round(self.room_x + self.room_width / 2, 3)


class Chart(Struct, frozen=True):
    """The picture: bars, and lines with what they stand for."""

    bars: list[Bar]
    lines: list[tuple[float, str]]
    height: int = HEIGHT
    baseline: int = BASELINE


def chart_of(report: HouseReport, figure: Figure) -> Chart:
    """Draw one figure of a report by aliases or upstreams."""
    wholes = {at: sum(map(figure.of, report.by_date.get(at, {}).values())) for at in report.dates}
    # Costs may be fractions: lines are drawn for whole numbers of the largest power of ten that leaves a few.
    most = max(wholes.values(), default=0)
    unit = 10.0 ** min(0, math.floor(math.log10(most)) - 1) if most > 0 else 1.0
    step, top = scale(math.ceil(most / unit))
    room = 100 / len(report.dates)
    every = max(1, len(report.dates) // LABELS)
    bars = [
        Bar(
            date=at,
            whole=figure.written(wholes[at]),
            parts=_parts(report, figure, at, top * unit),
            room_x=round(number * room, 3),
            room_width=room,
            label=_label(report, at, len(report.dates) - 1 - number, every),
        )
        for number, at in enumerate(report.dates)
    ]
    lines = [
        (round(BASELINE - _height(value, top), 1), rounded(value) if unit == 1 else f"{value * unit:g}")
        for value in range(step, top + 1, step)
    ]
    return Chart(bars, lines)


def _parts(report: HouseReport, figure: Figure, at: date, top: float) -> list[Part]:
    parts = []
    floor = float(BASELINE)
    used = report.by_date.get(at, {})
    for key in report.by_key:
        value = figure.of(used[key]) if key in used else 0
        if value <= 0:
            continue
        height = max(THINNEST, _height(value, top) - SLIT)
        parts.append(Part(key, figure.written(value), round(floor - height, 1), round(height, 1)))
        floor -= height + SLIT
    return parts


def _height(value: float, top: float) -> float:
    return value / top * (BASELINE - TOP)


def _label(report: HouseReport, at: date, steps_ago: int, every: int) -> str:
    if report.span.length != DAY:
        return f"{at:%b}" if steps_ago % 2 == 0 else ""
    if steps_ago == 0:
        return "Today"
    return short_date(at) if steps_ago % every == 0 else ""
