"""kill -9 of workers under load.

Each kill waits until all workers serve: on a machine that is too busy a new one takes longer to load than lies between
two kills, and whoever kills the one worker that serves tells nothing of the service.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from endurance.house import House
from endurance.processes import accepts
from endurance.state import until

SERVE_WITHIN_S = 120.0


@contextmanager
def killing(house: House, every_s: float, say: Callable[[str], object]) -> Iterator[list[int]]:
    """Kill -9 a worker, any of them, for the time of the block; give the process ids.

    ``every_s`` is the time from the moment when all workers serve to the next kill.
    """
    ends = threading.Event()
    killed: list[int] = []

    def run() -> None:
        while not ends.wait(every_s):
            pid = random.choice(house.gateway.worker_pids())
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
            say(f"killed worker {pid}")
            if not until(partial(is_over, pid), SERVE_WITHIN_S, 0.1):
                say(f"not all workers serve after {SERVE_WITHIN_S:g} s")

    def is_over(pid: int) -> bool:
        return ends.is_set() or _all_serve_but(pid, house)

    thread = threading.Thread(target=run)
    if every_s:
        thread.start()
    try:
        yield killed
    finally:
        ends.set()
        if every_s:
            thread.join()


def _all_serve_but(killed: int, house: House) -> bool:
    pids = house.gateway.worker_pids()
    return len({*pids} - {killed}) == house.gateway.workers and all(accepts(pid, house.gateway.port) for pid in pids)
