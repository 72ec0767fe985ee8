"""Figures as words, and rows as tables: of fixed width for the screen, of Markdown for pages."""

from __future__ import annotations

import math
from collections.abc import Sequence

Row = Sequence[str]
NONE = "—"


def shown(value: float | None) -> str:
    """Return a number with three or four digits that say something; a dash where there is none."""
    if value is None or math.isnan(value):
        return NONE
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    if size >= 0.1:
        return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"
    return f"{value:.3f}" if size >= 0.01 else f"{value:.4f}"


def signed(value: float | None) -> str:
    """Return milliseconds that are added or saved."""
    return NONE if value is None or math.isnan(value) else f"{value:+.2f}"


def spread(value: dict[str, float] | None) -> str:
    """Return a median with its quartiles."""
    if value is None:
        return NONE
    return f"{shown(value['median'])} ({shown(value['q1'])}-{shown(value['q3'])})"


def table(title: str, heads: Row, rows: Sequence[Row]) -> str:
    """Return rows as columns under a title, the first to the left, figures to the right."""
    widths = [max(len(line[place]) for line in [heads, *rows]) for place in range(len(heads))]
    lines = [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [heads, *rows]
    ]
    return "\n".join([title, *(f"  {line}" for line in lines)])


def markdown(heads: Row, rows: Sequence[Row]) -> str:
    """Return rows as a table of Markdown, figures to the right."""
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [heads, rule, *rows])
