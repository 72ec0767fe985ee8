"""The real processes of a test session: each ends with the session, however that ends."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TypeVar

import psutil

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
# Of a service: what a developer has set for his own must not reach the ones under test.
FOREIGN = ("SMARTROUTE_", "UPSTREAM_", "GUNICORN_", "FLASK_", "SMTP_", "OTEL_", "PYTEST_")
FOREIGN_NAMES = {"DATABASE_URL", "SECRET_KEY", "HOST", "PORT", "WEB_CONCURRENCY", "LOG_LEVEL"}


class Processes:
    """Starts processes, each in a group of its own, and ends them; owns the session's temporary folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="smartroute-tests-"))
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        reaper = [sys.executable, "-I", "-S", str(Path(__file__).with_name("reaper.py"))]
        self._reaper = subprocess.Popen(reaper, stdin=subprocess.PIPE, text=True, start_new_session=True)
        self._tell_reaper(f"folder {self.folder}")

    def new_folder(self, name: str) -> Path:
        """Make an empty folder inside the session's own."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))

    def start(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = subprocess.DEVNULL,
        stderr: int | IO[bytes] | None = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start ``command`` with ``clean_environment(env)``."""
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=clean_environment(env or {}),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        with self._lock:
            self._running[process.pid] = process
            self._tell_reaper(f"+ {process.pid}")
        return process

    def stop(self, process: subprocess.Popen[bytes], *, number: int = signal.SIGTERM, patience_s: float = 10) -> int:
        """Signal a process, wait for its end, then kill what is left of its group; gives its exit code."""
        if process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(patience_s)
            except subprocess.TimeoutExpired:
                process.kill()
        kill_group(process.pid)
        code = process.wait()
        with self._lock:
            if self._running.pop(process.pid, None) is not None:
                self._tell_reaper(f"- {process.pid}")
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        return code

    def close(self) -> None:
        """End whatever still runs and remove the session's folder."""
        for process in list(self._running.values()):
            self.stop(process, number=signal.SIGKILL)
        assert self._reaper.stdin is not None
        self._reaper.stdin.close()
        self._reaper.wait(120)  # it removes whole installations, on a busy disk
        shutil.rmtree(self.folder, ignore_errors=True)

    def _tell_reaper(self, line: str) -> None:
        assert self._reaper.stdin is not None
        self._reaper.stdin.write(line + "\n")
        self._reaper.stdin.flush()


def kill_group(group: int) -> None:
    """Kill a process group at once; one that is gone already is fine."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for a parent to notice does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Give this process's environment without any service's settings, and with ``extra``."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(FOREIGN) and name not in FOREIGN_NAMES
    }
    return {**kept, "PYTHONUNBUFFERED": "1", **extra}


def free_port() -> int:
    """Find a free TCP port, below those that outward calls are given, lest one takes it meanwhile."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until(what: str, check: Callable[[], T], *, timeout_s: float = 10, pause_s: float = 0.02) -> T:
    """Call ``check`` until it gives something true, and return that; fails naming ``what`` after the time."""
    deadline = time.monotonic() + timeout_s
    while True:
        if outcome := check():
            return outcome
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        time.sleep(pause_s)
