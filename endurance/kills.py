"""kill -9 of workers under load."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from endurance.house import House
from endurance.state import until


@contextmanager
def killing(house: House, every_s: float, say: Callable[[str], object]) -> Iterator[list[int]]:
    """Kill -9 a worker, any of them, every so many seconds for the time of the block; give the process ids."""
    ends = threading.Event()
    killed: list[int] = []

    def run() -> None:
        while not ends.wait(every_s):
            pid = random.choice(house.gateway.worker_pids())
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
            say(f"killed worker {pid}")
            until(lambda: len(house.gateway.worker_pids()) == house.gateway.workers, 30, 0.1)

    thread = threading.Thread(target=run)
    if every_s:
        thread.start()
    try:
        yield killed
    finally:
        ends.set()
        if every_s:
            thread.join()
