"""What a client saw of one request: the line that it leaves in the run's notes, one JSON object each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

# how
COMPLETE = "complete"  # a whole body, or a stream to its proper end
BROKEN = "broken"  # status 200, and a stream that tells an error or lacks its end
REFUSED = "refused"  # a whole answer of status 300 or above
LEFT = "left"  # the client hung up
CUT = "cut"  # the connection ended, or fell silent, in the middle of an answer
UNANSWERED = "unanswered"  # the same, before a status had come

SILENT = "silent"  # the code of a connection that was open and said nothing any more

# kind: what a request is to be to the quota
PROMPT = "prompt"
CONTINUATION = "continuation"
UNCOUNTED = ""  # pages, lists, and whatever is no generation


@dataclass(slots=True)
class Seen:
    """One request. Times are seconds; ``sent_at`` is of the wall clock."""

    name: str
    """Unique in the run, sent as ``User-Agent``: the usage log keeps it as the client's name."""
    scenario: str
    account: str
    """E-mail address; empty: none."""
    endpoint: str
    kind: str
    sent_at: float
    how: str = UNANSWERED
    status: int = 0
    code: str = ""
    """Of an error, or ``SILENT``."""
    request_id: str = ""
    model: str = ""
    """The alias that the answer names."""
    has_output: bool = False
    """Whether text, reasoning or a tool call had come."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0
    no_output_before_s: float = 0.0
    """The upstream was told to be silent for so long: what ended earlier cannot have had output."""
    expected: list[str] = field(default_factory=list)
    """How it may end, as ``how`` or ``how:code``."""

    @property
    def is_expected(self) -> bool:
        """Tell whether it ended as it may."""
        return self.how in self.expected or f"{self.how}:{self.code}" in self.expected

    @property
    def had_no_chance(self) -> bool:
        """Tell whether it ended before the upstream said anything."""
        return not self.has_output and self.seconds < self.no_output_before_s

    def __str__(self) -> str:
        """Return a short text for a report."""
        how = f"{self.how}:{self.code}" if self.code else self.how
        return f"{self.name} {self.scenario} of {self.account or 'nobody'}: {self.status} {how} {self.request_id}"


def line_of(seen: Seen) -> str:
    """Return the line of the notes."""
    return json.dumps(asdict(seen)) + "\n"


def read_notes(path: Path) -> Iterator[Seen]:
    """Read the notes back; a last line that a killed process left unfinished is passed over."""
    with path.open(encoding="utf-8") as notes:
        for line in notes:
            if line.endswith("\n"):
                yield Seen(**json.loads(line))
