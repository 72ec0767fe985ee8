"""Mounts that this process and its children alone see, and that end with them."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path

from endurance.chaos.scenario import NotPossible

_CLONE_NEWNS, _CLONE_NEWUSER = 0x20000, 0x10000000
_why_not = "not entered"


def enter() -> None:
    """Leave the machine's mounts, as root or as root of a user namespace; ``small_disk`` says if it was refused."""
    global _why_not
    user, group = os.geteuid(), os.getegid()
    flags = _CLONE_NEWNS if user == 0 else _CLONE_NEWNS | _CLONE_NEWUSER
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        _why_not = f"a mount namespace was refused: {os.strerror(ctypes.get_errno())}"
        return
    if user != 0:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")
    done = subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, text=True, check=False)
    _why_not = done.stderr.strip() if done.returncode else ""


def small_disk(folder: Path, megabytes: int) -> None:
    """Mount an empty file system of so many megabytes on a folder.

    Raises:
        NotPossible: it is not allowed here.
    """
    if _why_not:
        raise NotPossible(_why_not)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "chaos", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotPossible(done.stderr.strip())


def unmount(folder: Path) -> None:
    """Take it away again, whoever still looks into it."""
    subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)
