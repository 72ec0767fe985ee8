"""Whether this worker takes no further connections: set when it was told to end, read by ``/readyz``."""

from __future__ import annotations

_draining: list[bool] = []


def begin() -> None:
    """Note that this worker ends as soon as its running requests have."""
    _draining[:] = [True]


def is_draining() -> bool:
    """Tell whether this worker is about to end; a load balancer should send it nothing new."""
    return bool(_draining)
