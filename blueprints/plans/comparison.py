"""What changes from one plan to another, row by row."""

from __future__ import annotations

from msgspec import Struct

from catalog.model import Plan
from pages import figure, price, quota


class Row(Struct, frozen=True):
    """One property of both plans, in words."""

    label: str
    now: str
    then: str

    @property
    def changes(self) -> bool:
        """Whether the two differ."""
        return self.now != self.then


def comparison(current: Plan, chosen: Plan) -> list[Row]:
    """Return every property that the pages tell of a plan; what neither plan has a word for is left out."""
    rows = [
        Row("Model", current.profile.alias, chosen.profile.alias),
        Row("Reasoning", current.profile.reasoning_effort or "as asked", chosen.profile.reasoning_effort or "as asked"),
        Row("Speed", current.speed.capitalize(), chosen.speed.capitalize()),
        Row("Prompts a day", quota(current.daily), quota(chosen.daily)),
        Row("Prompts a month", quota(current.monthly), quota(chosen.monthly)),
        Row("Price a month", price(current), price(chosen)),
    ]
    if current.power or chosen.power:
        rows.insert(1, Row("Power", current.power or "none", chosen.power or "none"))
    if current.open_requests is not None or chosen.open_requests is not None:
        rows.insert(-1, Row("Requests at once", _at_once(current), _at_once(chosen)))
    return rows


def _at_once(plan: Plan) -> str:
    return "no limit" if plan.open_requests is None else figure(plan.open_requests)
