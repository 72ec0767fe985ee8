"""The books of a run: every answer that was read, every wrong one, and whether the gateway's own books agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from benchmarks.answers import Expected, Wrong, check
from benchmarks.load import Exchange
from benchmarks.targets import House, Target
from tests.harness.processes import wait_until

LOG_WAIT_S = 5.0  # a log line is written when the answer has left


class Ledger:
    """Counts answers by target; ``wrong`` counts faults by what they are."""

    def __init__(self) -> None:
        """Begin with empty books."""
        self.answers: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()

    @property
    def is_void(self) -> bool:
        """Whether anything was wrong, so that no figure of the run means anything."""
        return bool(self.wrong)

    def read(self, target: Target, exchanges: Iterable[Exchange], expected: Expected) -> None:
        """Read every answer of a target."""
        for exchange in exchanges:
            self.answers[target.name] += 1
            try:
                self.tokens[target.name] += check(exchange, expected)
            except Wrong as error:
                self.wrong[f"{target.name}: {error}"] += 1

    def balance(self, house: House) -> dict[str, int]:
        """Hold the usage log and the request log against the answers that were read; return both books."""
        name = house.gateway.name
        answers = self.answers[name]
        wait_until(
            "a log line for each request",
            lambda: house.log_lines() >= answers or self.is_void,
            timeout_s=LOG_WAIT_S,
        )
        books = {"answers": answers, **house.usage_rows(), "log_lines": house.log_lines()}
        for kind in ("rows", "counted", "completed", "log_lines"):
            if books[kind] != answers:
                self.wrong[f"{name}: {kind} of the usage differ from the answers"] += abs(books[kind] - answers)
        if books["tokens"] != self.tokens[name]:
            self.wrong[f"{name}: tokens of the usage log differ from the answers'"] += 1
        return books
