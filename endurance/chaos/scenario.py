"""What a scenario is: a name, what is done, what is expected of it; and what came of it in a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from endurance.expectations import Expectation
from tests.harness.processes import Processes

SCENARIOS: list[Scenario] = []
"""In the order in which they run."""


class NotPossible(Exception):
    """This machine does not let the scenario be played; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Something bad that happens, and what is expected then."""

    name: str
    title: str
    done: str
    """What is done, in words."""
    expects: Mapping[str, str]
    """Sentences under short keys, by which ``play`` tells what it found."""
    play: Callable[[Stage], None]


@dataclass(slots=True)
class Stage:
    """What a scenario is given: a place for its processes, and where it says what it found."""

    processes: Processes
    scenario: Scenario
    found: dict[str, Expectation] = field(default_factory=dict)

    def check(self, key: str, is_met: bool, found: str, examples: Sequence[str] = ()) -> None:
        """Say whether the expectation under ``key`` was met, and by which figures."""
        says = self.scenario.expects[key]
        self.found[key] = Expectation(says, is_met, found, tuple(examples[:5]))


@dataclass(frozen=True, slots=True)
class Outcome:
    """One scenario's result."""

    scenario: Scenario
    expectations: list[Expectation]
    seconds: float
    trouble: str = ""
    """Why it did not come to its end."""

    @property
    def is_met(self) -> bool:
        """Tell whether it came to its end and everything was as expected."""
        return not self.trouble and all(each.is_met for each in self.expectations)

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "name": self.scenario.name,
            "title": self.scenario.title,
            "done": self.scenario.done,
            "met": self.is_met,
            "seconds": round(self.seconds, 1),
            "trouble": self.trouble,
            "expectations": [each.document() for each in self.expectations],
        }


def scenario(
    name: str, title: str, *, done: str, expects: Mapping[str, str]
) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Put a function among the scenarios."""

    def keep(play: Callable[[Stage], None]) -> Callable[[Stage], None]:
        SCENARIOS.append(Scenario(name, title, done, expects, play))
        return play

    return keep


def outcome_of(stage: Stage, seconds: float, trouble: str = "") -> Outcome:
    """Return a scenario's result; what it never came to check is not met."""
    expectations = [
        stage.found.get(key, Expectation(says, is_met=False, found="not reached"))
        for key, says in stage.scenario.expects.items()
    ]
    return Outcome(stage.scenario, expectations, seconds, trouble)
