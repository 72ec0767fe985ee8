"""The figures that the usage page can draw: how each is read from a tally, and how it is written."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from models.usage_tally import Tally
from service.reports.house_report import errors


class Figure(Struct, frozen=True):
    """One figure of a tally."""

    name: str
    title: str
    of: Callable[[Tally], float]

    def written(self, value: float) -> str:
        """Return a value as it is read."""
        return money(value) if self.name == "cost" else f"{round(value):,}"

    def shown(self, tally: Tally) -> str:
        """Return the figure of a tally as it is read; a cost that nothing is known of is a dash."""
        return money(tally.cost) if self.name == "cost" else self.written(self.of(tally))


def money(value: float | None) -> str:
    """Return a cost estimate in the unit of the file's prices; None is a dash."""
    if value is None:
        return "—"
    return f"{value:,.2f}" if value >= 1 or value == 0 else f"{value:.4f}"


FIGURES = {
    each.name: each
    for each in (
        Figure("requests", "Requests", lambda tally: tally.requests),
        Figure("counted", "Prompts counted", lambda tally: tally.counted),
        Figure("input", "Input tokens", lambda tally: tally.prompt_tokens),
        Figure("cached", "Cached input tokens", lambda tally: tally.cached_tokens),
        Figure("output", "Output tokens", lambda tally: tally.completion_tokens),
        Figure("cost", "Cost estimate", lambda tally: tally.cost or 0.0),
        Figure("errors", "Failed or broken off", errors),
    )
}
