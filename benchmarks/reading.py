"""The outcome of reading one answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import orjson

from benchmarks.stream_events import BrokenAnswer


@dataclass(frozen=True, slots=True)
class Reading:
    """The completion tokens that an answer tells, and what is wrong with it, in few words that can be counted."""

    tokens: int
    faults: tuple[str, ...] = ()
    fatal: str | None = None
    """Why the caller did not get the answer; None: it did."""

    @classmethod
    def of_usage(cls, usage: Any, field: str, words: int) -> Reading:
        """Begin with what an answer's usage tells."""
        if not isinstance(usage, dict):
            return cls(0, ("answer without usage",))
        tokens = usage.get(field)
        if tokens != words:
            return cls(tokens if isinstance(tokens, int) else 0, ("other usage than the upstream's",))
        return cls(words)

    def but(self, fault: str) -> Reading:
        """Return the same with one fault more."""
        return replace(self, faults=(*self.faults, fault))

    @property
    def wrong(self) -> tuple[str, ...]:
        """Everything that is wrong."""
        return self.faults if self.fatal is None else (*self.faults, self.fatal)


def parsed(data: bytes) -> Any:
    """Read JSON. Raises BrokenAnswer."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BrokenAnswer("broken JSON") from error
