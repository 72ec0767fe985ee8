"""What an operator typed into a filter cannot be read."""

from __future__ import annotations


class NotUnderstood(Exception):
    """A field holds what it cannot; the text says what would do, ``field`` which one it is."""

    def __init__(self, field: str, text: str) -> None:
        """Keep both."""
        super().__init__(text)
        self.field = field
