"""What ends a start or a command with one sentence."""

from __future__ import annotations


class NotReady(Exception):
    """It cannot be done on this database, or with this file; the text says why and what helps."""
