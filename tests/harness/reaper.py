"""Ends what a test session started, also when the session itself was killed and could not.

A process of its own, told on standard input which process groups run (``+ 123``, ``- 123``) and which
folder is the session's (``folder /tmp/x``). When the input ends, so has the session: what is left is killed
and removed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys


def main() -> None:
    """Read the session's book until it closes, then tidy up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    folder = None
    for line in sys.stdin:
        verb, value = line.rstrip("\n").split(" ", 1)
        if verb == "+":
            groups.add(int(value))
        elif verb == "-":
            groups.discard(int(value))
        else:
            folder = value
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
