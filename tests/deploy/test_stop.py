"""deploy/stop.sh, which the unit calls: against processes that end as main processes do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.processes import ROOT

STOP = ROOT / "deploy" / "stop.sh"

# Starts a main process, as a release does that hands over, and ends by itself some time later.
BEFORE = """
import subprocess, sys, time
main = subprocess.Popen([sys.executable, "-c", sys.argv[1]], cwd=sys.argv[2], stdout=subprocess.PIPE)
main.stdout.readline()
print(main.pid, flush=True)
end = time.monotonic() + float(sys.argv[3])
while time.monotonic() < end:
    main.poll()
    time.sleep(0.02)
"""

# Told to stop, it takes a moment for its streams.
MAIN = """
import signal, sys, time
def stop(number, frame):
    time.sleep({seconds})
    sys.exit()
signal.signal(signal.SIGTERM, stop)
print(flush=True)
time.sleep(60)
"""

Start = Callable[[float, float], tuple[subprocess.Popen[str], int]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """``start(before_s, main_s)`` gives the release before and the number of the main process that it started."""
    for name in "before", "main":
        (tmp_path / "releases" / name).mkdir(parents=True)
    started: list[tuple[subprocess.Popen[str], int]] = []

    def start_both(before_s: float, main_s: float) -> tuple[subprocess.Popen[str], int]:
        folder = str(tmp_path / "releases/main")
        command = [sys.executable, "-c", BEFORE, MAIN.format(seconds=main_s), folder, str(before_s)]
        before = subprocess.Popen(command, cwd=tmp_path / "releases/before", stdout=subprocess.PIPE, text=True)
        assert before.stdout is not None
        started.append((before, int(before.stdout.readline())))
        return started[-1]

    yield start_both
    for before, main in started:
        if Path(f"/proc/{main}/cwd").exists():
            os.kill(main, signal.SIGKILL)
        before.kill()
        before.communicate()


def stop(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([STOP, *arguments], capture_output=True, text=True, check=False, timeout=30)


def runs(process: int) -> bool:
    return os.path.exists(f"/proc/{process}/cwd")


def test_stop_waits_for_the_streams_of_the_main_process(start: Start) -> None:
    before, main = start(0.1, 0.5)
    before.wait(5)
    began = time.monotonic()
    assert stop(str(main), "20").returncode == 0
    assert time.monotonic() - began >= 0.4
    assert not runs(main)


def test_stop_waits_for_the_release_before_that_still_ends_its_streams(start: Start) -> None:
    before, main = start(1.5, 0)
    assert stop(str(main), "20").returncode == 0
    assert not runs(main)
    assert not runs(before.pid)
    assert before.wait(5) == 0, "it ended in its own time"


def test_stop_cuts_both_when_its_time_is_over(start: Start) -> None:
    before, main = start(60, 60)
    began = time.monotonic()
    assert stop(str(main), "1").returncode == 0
    assert time.monotonic() - began < 15
    assert before.wait(5) == -signal.SIGKILL
    assert not runs(main)


def test_stop_after_a_main_process_that_ended_by_itself_does_nothing() -> None:
    assert stop("", "20").returncode == 0


def test_stop_without_a_bound_is_refused() -> None:
    done = stop("1")
    assert done.returncode == 1
    assert "expected MAIN SECONDS" in done.stderr
