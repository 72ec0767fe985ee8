"""What a wrong catalog is refused with."""

from __future__ import annotations


class CatalogError(Exception):
    """A catalog that cannot be served; ``str()`` is one line: file, line, key and what was expected.

    ``file`` and ``line`` are None for a fault that stands in no file (an environment variable); ``key`` is
    the path inside the file (``profiles[0].routes[1].weight``), the variable's name, or empty.
    """

    def __init__(self, file: str | None, line: int | None, key: str, expected: str) -> None:
        self.file = file
        self.line = line
        self.key = key
        self.expected = expected
        super().__init__(file, line, key, expected)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file and self.line else self.file
        parts = [part for part in (place, self.key, f"expected {self.expected}") if part]
        return " ".join(": ".join(parts).split())
