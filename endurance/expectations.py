"""Written expectations and whether they were met, with the figures that say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Expectation:
    """One sentence, and what was found."""

    says: str
    is_met: bool
    found: str
    examples: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """Return its lines in a report."""
        lines = [f"{'PASS' if self.is_met else 'FAIL'}  {self.says}: {self.found}"]
        return "\n".join([*lines, *(f"        {each}" for each in self.examples)])


def none_of(says: str, faults: Iterable[str], of: str) -> Expectation:
    """Return the expectation that there is no fault; ``of`` tells what was looked at."""
    found = list(faults)
    told = f"{of}, {len(found)} wrong" if found else of
    return Expectation(says, not found, told, tuple(found[:SHOWN]))
