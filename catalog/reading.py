"""When and from what a catalog was read: so that people can see which file is in force, and where a value stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading. Without a file there are no lines, and the digest is empty."""

    file: str | None = None
    digest: str = ""
    """SHA-256 of the file, in hexadecimal: as ``sha256sum`` prints it."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Path of a key as people write it (``profiles[0].routes[1].weight``) -> its line, from 1."""
    read_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def line_of(self, path: str) -> int | None:
        """Return the line of a key; None where the file leaves it out."""
        return self.lines.get(path)
