"""Writing what a run showed into docs/: its picture, and a part of docs/endurance.md between two markers."""

from __future__ import annotations

from typing import Any

from endurance.picture import picture
from endurance.report import summary, table
from tests.harness.processes import ROOT

PAGE, PICTURE = ROOT / "docs" / "endurance.md", ROOT / "docs" / "endurance.svg"
BEGIN, END = "<!-- last run: begin -->", "<!-- last run: end -->"


def publish(document: dict[str, Any]) -> None:
    """Replace the picture and the part of the page.

    Raises:
        ValueError: the page has no such part.
    """
    PAGE.write_text(with_run(PAGE.read_text(encoding="utf-8"), document), encoding="utf-8")
    PICTURE.write_text(picture(document), encoding="utf-8")


def with_run(page: str, document: dict[str, Any]) -> str:
    """Return the page with the run between its markers.

    Raises:
        ValueError: it has no such part.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no part between {BEGIN} and {END}")
    lines = [*(f"{line}." for line in summary(document)), "", *table(document)]
    return "\n".join([before + BEGIN, *lines, END + after])
