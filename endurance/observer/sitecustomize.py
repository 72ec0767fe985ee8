"""Loaded by Python itself into the gateway under a run (``PYTHONPATH``): counts greenlets when a signal asks.

The signal's handler stands in the master before it forks, so every worker has it. It writes ``PID.json`` into the
folder that ``ENDURANCE_CENSUS`` names: greenlets that have begun and not ended, by what they run. Those that were
there before the service took its first request may be out of the garbage collector's sight, and so of this one's.
Counting looks at every object, which takes milliseconds, so a run asks seldom.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from collections import Counter
from types import FrameType

ASK = signal.SIGRTMIN + 5


def _count(number: int, frame: FrameType | None) -> None:
    greenlet = sys.modules.get("greenlet")
    if greenlet is None:
        return
    found: Counter[str] = Counter()
    for each in gc.get_objects():
        if isinstance(each, greenlet.greenlet) and not each.dead and each:
            run = getattr(each, "_run", None)
            found[getattr(run, "__qualname__", type(each).__name__)] += 1
    path = os.path.join(os.environ["ENDURANCE_CENSUS"], f"{os.getpid()}.json")
    with open(path + ".draft", "w", encoding="utf-8") as draft:
        json.dump(found, draft)
    os.replace(path + ".draft", path)


if "ENDURANCE_CENSUS" in os.environ:
    signal.signal(ASK, _count)
