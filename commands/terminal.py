"""What others wrote, as a terminal may show it, and what is piped in."""

from __future__ import annotations

import io
import sys
from typing import BinaryIO

SILENT_INPUT_S = 3.0


def one_line(text: str, most: int = 200) -> str:
    """Return a text as one line; its control characters do not reach the terminal."""
    shown = "".join(each if each.isprintable() else "?" for each in " ".join(text.split()))
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def piped_input() -> BinaryIO | None:
    """Return standard input where something is piped in; None for a terminal, or a pipe that stays silent."""
    if sys.stdin is None or sys.stdin.isatty():
        return None
    from gevent.monkey import get_original

    try:
        # Started by another program, an open pipe that nobody writes to must not be waited for forever.
        readable, _, _ = get_original("select", "select")([sys.stdin.fileno()], [], [], SILENT_INPUT_S)
    except (io.UnsupportedOperation, ValueError):  # not a file of the system
        readable = [True]
    return sys.stdin.buffer if readable else None
