"""Where a process id means something, and whether a process there still runs."""

from __future__ import annotations

import os
import socket
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


def process_space() -> str:
    """Return a text that two processes share only if each could see the other's process id.

    That is the boot of a kernel and a namespace in it (containers have their own). Where these cannot be
    told, it is this process alone.
    """
    try:
        space = f"{_BOOT.read_text(encoding='ascii').strip()} {_NAMESPACE.readlink()}"
    except OSError:
        space = f"process {os.getpid()}"
    return f"{socket.gethostname()[:50]} {space}"[:128]


def is_running(pid: int) -> bool:
    """Tell whether a process of this space runs; one that has ended and waits to be collected does not."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (ProcessLookupError, FileNotFoundError):
        return False
    except OSError:
        return True  # it is somebody else's, or hidden
    # The state is the first word behind the program's name, which stands in brackets and may hold any.
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")
