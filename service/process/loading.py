"""Loading the application without what only costs time: every start, every worker and every reload waits for it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from gevent import events, monkey

LOOK_EVERY = 20_000, 1_000
"""New objects, and looks at new ones alone. Python's own numbers have the collector look 280 times at what imports
make, nearly all of which stays; where it never looks, the little that goes makes the process larger."""


def patch_all() -> None:
    """Let gevent stand in for what blocks; what was imported before keeps the blocking sockets and locks.

    gevent tells plugins of each of its 25 steps, and searches all installed packages for such plugins each time,
    which takes three times as long as the patching. Here are none: subscribers within the process are told, as ever.
    """
    search_and_notify = events.notify_and_call_entry_points
    events.notify_and_call_entry_points = events.notify
    try:
        monkey.patch_all()
    finally:
        events.notify_and_call_entry_points = search_and_notify


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Let the collector of garbage look rarely within the block."""
    thresholds = gc.get_threshold()
    gc.set_threshold(*LOOK_EVERY)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
