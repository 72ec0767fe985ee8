"""Writing what a run showed into docs/: its picture, and its part of docs/endurance.md between two markers.

A run without kills, one with kills on SQLite and one with kills on MariaDB have a part each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from endurance.picture import picture
from endurance.report import summary, table
from tests.harness.processes import ROOT

DOCS = ROOT / "docs"
PAGE = DOCS / "endurance.md"


def publish(document: dict[str, Any]) -> None:
    """Replace the picture and the part of the page.

    Raises:
        ValueError: the page has no such part.
    """
    PAGE.write_text(with_run(PAGE.read_text(encoding="utf-8"), document), encoding="utf-8")
    picture_of(document).write_text(picture(document), encoding="utf-8")


def picture_of(document: dict[str, Any]) -> Path:
    """Return the file of a run's picture."""
    return DOCS / f"endurance{_kind(document).replace(' ', '-')}.svg"


def markers(document: dict[str, Any]) -> tuple[str, str]:
    """Return what stands before and after a run's part of the page."""
    name = f"last run{_kind(document)}"
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def with_run(page: str, document: dict[str, Any]) -> str:
    """Return the page with the run between its markers.

    Raises:
        ValueError: it has no such part.
    """
    first, last = markers(document)
    before, begin, rest = page.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"the page has no part between {first} and {last}")
    lines = [*(f"{line}." for line in summary(document)), "", *table(document)]
    return "\n".join([before + first, *lines, last + after])


def _kind(document: dict[str, Any]) -> str:
    plan = document["plan"]
    return f" kills {plan['database']}" if plan["kill_every_s"] else ""
