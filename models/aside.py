"""Work that would stop an event loop, done in a real thread where there is a loop to be stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_through: list[Callable[[Callable[[], Any]], Any]] = []


def send_aside(through: Callable[[Callable[[], Any]], Any]) -> None:
    """Have ``aside`` done through a function that calls its argument in a thread and lets the others run meanwhile."""
    _through[:] = [through]


def aside(work: Callable[[], T]) -> T:
    """Return what ``work`` returns."""
    done: T = _through[0](work) if _through else work()
    return done
