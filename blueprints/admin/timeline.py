"""The attempts of a request on one line of time: where each bar begins and ends, in per cent of the whole."""

from __future__ import annotations

from msgspec import Struct

from models.usage_lookup import FoundRequest

THINNEST = 0.8  # per cent: an attempt that failed at once is still to be seen
MARKS = 4


class Attempt(Struct, frozen=True):
    """One attempt; times in milliseconds since the request came, places in per cent. None: not known, or not yet."""

    route: str
    effort: str | None
    how: str | None
    at: int
    output: int | None
    end: int | None
    x: float
    width: float
    output_x: float | None

    @property
    def is_fault(self) -> bool:
        """Tell whether it ended in an error."""
        return self.how not in (None, "completed", "left")


class Timeline(Struct, frozen=True):
    """The attempts, and the times along the line as place, milliseconds and side of the text."""

    attempts: list[Attempt]
    marks: list[tuple[float, int]]


def timeline_of(found: FoundRequest) -> Timeline | None:
    """Draw the attempts of a request; None where there are none."""
    told = found.routing["attempts"] if found.routing else []
    if not told:
        return None
    known = [at for each in told for at in (each["at"], each.get("output"), each.get("end")) if at is not None]
    whole = max([1, found.row.duration_ms or 0, *known])

    def place(milliseconds: int) -> float:
        return round(milliseconds / whole * 100, 2)

    attempts = []
    for each in told:
        output, end = each.get("output"), each.get("end")
        x = min(place(each["at"]), 100 - THINNEST)
        until = place(whole if end is None else end)
        attempts.append(
            Attempt(
                route=each["route"],
                effort=each.get("effort"),
                how=each.get("how"),
                at=each["at"],
                output=output,
                end=end,
                x=x,
                width=round(max(THINNEST, until - x), 2),
                output_x=None if output is None else place(output),
            )
        )
    marks = sorted({round(whole * part / MARKS) for part in range(MARKS + 1)})
    return Timeline(attempts, [(place(mark), mark) for mark in marks])
