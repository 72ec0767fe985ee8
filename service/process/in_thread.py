"""Work in a real thread, while the event loop goes on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import gevent

T = TypeVar("T")


def in_thread(work: Callable[[], T]) -> T:
    """Return what ``work`` returns. Whoever is killed meanwhile leaves when the thread has ended.

    What the thread works with, such as a connection, is its caller's, who has other uses for it once he has left.
    """
    running = gevent.get_hub().threadpool.spawn(work)
    try:
        done: T = running.get()
    except BaseException:
        while not running.ready():
            with suppress(BaseException):  # killed once more
                running.wait()
        raise
    return done
