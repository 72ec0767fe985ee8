"""Giving large blocks of memory back to the system as soon as they are freed.

The C library gives a large block back, but from the first such block on it keeps the room for the next ones: the
19 MiB that hashing a password takes stayed with the worker, in each thread that had ever hashed one.
"""

from __future__ import annotations

import ctypes

# Options of glibc's mallopt(3), from its malloc.h. Setting one of them ends the library's own adjusting of both.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 8 * 1024 * 1024
"""So much is kept at a heap's end: a body of megabytes that grows as it comes asks for more all the time."""
MAPPED_FROM_BYTES = 16 * 1024 * 1024
"""Larger blocks are mapped each on its own, and gone when they are freed."""


def give_back_large_blocks() -> None:
    """Tell the C library of this process, whose forks follow it; one that has no such option does as it always did."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, MAPPED_FROM_BYTES)
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
