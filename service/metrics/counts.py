"""What this process counts for ``/metrics``: plain numbers in memory, a dictionary access each.

Nothing is counted for an event of a stream. ``worker_file`` writes the numbers where the other processes of the
machine find them, ``text`` shows the sum of all. Every label has a closed set of values: names of the catalog,
codes of this house, classes of addresses. What a client may write freely is no label, nor is an account.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.reservation import Outcome

Cells = dict[str, dict[tuple[str, ...], list[float]]]
"""Family -> label values -> one number, or for a histogram the count of each class and last the sum."""

REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
OUTPUT_SECONDS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 4.0, 6.0, 10.0, 20.0, 40.0, 60.0, 120.0)
DECISION_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)

MOST_SERIES = 2000
"""Of one family. Catalogs of any sensible size stay far below; what comes later counts as ``other``."""

_PATHS = {
    "/v1/chat/completions": "chat/completions",
    "/v1/completions": "completions",
    "/v1/responses": "responses",
    "/v1/usage": "usage",
    "/v1/models": "models",
    "/healthz": "probe",
    "/readyz": "probe",
    "/metrics": "metrics",
}
_BEGINNINGS = (
    ("/v1/responses/", "responses"),
    ("/v1/models/", "models"),
    ("/v1", "unknown"),
    ("/api/", "unknown"),
    ("/static/", "static"),
    ("/admin", "admin"),
)
_CLASSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")


class Metrics:
    """The counts of one worker process."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.cells: Cells = {}

    def request_ended(self, environ: Mapping[str, Any], status: int, started: float, ended: float) -> None:
        """Count an HTTP request of any kind when its last byte has left; status 0: it had no answer."""
        endpoint = endpoint_of(environ.get("PATH_INFO", ""))
        self._add("requests", (endpoint, _CLASSES[status // 100] if status < 600 else "none"))
        self._observe("request_seconds", (endpoint,), REQUEST_SECONDS, ended - started)

    def refused(self, code: str) -> None:
        """Count an API request that was answered with an error before it was admitted."""
        self._add("refused", (code,))

    def decided(self, seconds: float) -> None:
        """Note how long the decision on quotas took, however it went."""
        self._observe("quota_decision_seconds", (), DECISION_SECONDS, seconds)

    def admitted(self, alias: str, plan: str, *, is_continuation: bool) -> None:
        """Count an admitted request."""
        self._add("admitted", (alias, plan, "continuation" if is_continuation else "prompt"))

    def answered(self, alias: str, plan: str, outcome: Outcome, *, stream: bool) -> None:
        """Count what became of an admitted request."""
        self._add("answers", (alias, plan, outcome.status))
        labels = (alias, "stream" if stream else "whole")
        if outcome.first_output_ms is not None:
            self._observe("first_output_seconds", labels, OUTPUT_SECONDS, outcome.first_output_ms / 1000)
        if outcome.duration_ms is not None:
            self._observe("answer_seconds", labels, REQUEST_SECONDS, outcome.duration_ms / 1000)
        if outcome.prompt_tokens:
            self._add("tokens", (alias, "prompt"), outcome.prompt_tokens)
        if outcome.completion_tokens:
            self._add("tokens", (alias, "completion"), outcome.completion_tokens)
        if outcome.cached_tokens:
            self._add("tokens", (alias, "cached"), outcome.cached_tokens)
        if outcome.reasoning_tokens:
            self._add("tokens", (alias, "reasoning"), outcome.reasoning_tokens)

    def _add(self, family: str, labels: tuple[str, ...], number: float = 1.0) -> None:
        try:
            self.cells[family][labels][0] += number
        except KeyError:
            self._new(family, labels, 1)[0] += number

    def _observe(self, family: str, labels: tuple[str, ...], bounds: Sequence[float], seconds: float) -> None:
        try:
            cell = self.cells[family][labels]
        except KeyError:
            cell = self._new(family, labels, len(bounds) + 2)
        cell[bisect_left(bounds, seconds)] += 1
        cell[-1] += seconds

    def _new(self, family: str, labels: tuple[str, ...], length: int) -> list[float]:
        known = self.cells.setdefault(family, {})
        if len(known) >= MOST_SERIES:
            labels = ("other",) * len(labels)
        return known.setdefault(labels, [0.0] * length)


def endpoint_of(path: str) -> str:
    """Return the class of a path in the form that ``middleware.api_paths`` gives it; pages are all one."""
    known = _PATHS.get(path)
    if known is not None:
        return known
    return next((name for beginning, name in _BEGINNINGS if path.startswith(beginning)), "page")
