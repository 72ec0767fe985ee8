"""Ending with one's parent, while there is nothing to end in order: a worker that still loads holds the listening port.

Source: prctl(2), PR_SET_PDEATHSIG
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Let the kernel kill this process when ``parent``, which forked it, ends; on Linux alone."""
    _set(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)  # it had ended before


def outlive_parent() -> None:
    """Let this process live on from now on when its parent ends."""
    _set(0)


def _set(number: int) -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(number))
