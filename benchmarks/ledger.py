"""The books of a run: every answer that was read, every wrong one, and whether the gateway's own books agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

from benchmarks.answers import Expected, check
from benchmarks.exchange import Exchange
from benchmarks.house import log_lines, usage_rows
from benchmarks.targets import Target
from tests.harness.gateway import Gateway
from tests.harness.processes import wait_until

LOG_WAIT_S = 5.0  # a log line is written when the answer has left


class Ledger:
    """Counts answers by target. ``wrong`` are faults that make the run void, ``lacked`` those of peers."""

    def __init__(self) -> None:
        """Begin with empty books."""
        self.answers: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.lacked: dict[str, Counter[str]] = {}

    def read(self, target: Target, exchanges: Iterable[Exchange], expected: Expected) -> str | None:
        """Read every answer of a target; return why the first of those failed that a peer's caller did not get."""
        failure = None
        for exchange in exchanges:
            self.answers[target.name] += 1
            reading = check(exchange, expected)
            self.tokens[target.name] += reading.tokens
            failure = failure or reading.fatal
            for fault in reading.wrong:
                if target.is_peer:
                    self.lacked.setdefault(target.name, Counter())[f"{expected.kind}: {fault}"] += 1
                else:
                    self.wrong[f"{target.name}: {fault}"] += 1
        return failure

    def balance(self, target: Target, *services: Gateway) -> dict[str, int]:
        """Hold the usage log and the request log of a target's gateways against the answers that were read; return
        both books.
        """
        name, answers = target.name, self.answers[target.name]

        def lines() -> int:
            return sum(log_lines(service) for service in services)

        with suppress(AssertionError):  # what is missing is counted below
            wait_until("a log line for each request", lambda: lines() >= answers, timeout_s=LOG_WAIT_S)
        rows: Counter[str] = Counter()
        for service in services:
            rows.update(usage_rows(service))
        books = {"answers": answers, **rows, "log_lines": lines()}
        for kind in ("rows", "counted", "completed", "log_lines"):
            if books[kind] != answers:
                self.wrong[f"{name}: {kind} of the usage differ from the answers"] += abs(books[kind] - answers)
        if books["tokens"] != self.tokens[name]:
            self.wrong[f"{name}: tokens of the usage log differ from the answers'"] += 1
        return books
