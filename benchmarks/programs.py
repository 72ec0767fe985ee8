"""Programs that are compared, beside Smart Route itself: how each starts, and when it is there."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.targets import ALIAS, Target, listens, with_children
from tests.harness.processes import Processes, free_port, wait_until


class Unavailable(Exception):
    """A program cannot take part; the text says why, as a sentence without its end."""


@dataclass(frozen=True, slots=True)
class Program:
    """A server that can be started any number of times, one after the other, on its port."""

    name: str
    command: Sequence[str | Path]
    folder: Path
    port: int
    headers: tuple[tuple[str, str], ...] = ()
    alias: str | None = ALIAS
    env: Mapping[str, str] = field(default_factory=dict)
    patience_s: float = 60.0
    workers: int = 0
    """Processes below the first one that do the work."""
    runs_in: Path | None = None
    """Its working folder, if that is not ``folder``."""

    @property
    def log(self) -> Path:
        """What it says."""
        return self.folder / "output.log"

    def launch(self, processes: Processes) -> subprocess.Popen[bytes]:
        """Start it and return at once."""
        with self.log.open("ab") as log:
            return processes.start(self.command, cwd=self.runs_in or self.folder, env=self.env, stdout=log, stderr=log)

    def start(self, processes: Processes) -> subprocess.Popen[bytes]:
        """Start it and wait until it listens. Raises Unavailable."""
        process = self.launch(processes)
        try:
            wait_until(
                f"{self.name} listens",
                lambda: process.poll() is not None or listens(self.port),
                timeout_s=self.patience_s,
            )
        except AssertionError:
            processes.stop(process)
            raise Unavailable(f"did not listen within {self.patience_s:.0f} s") from None
        if process.poll() is not None:
            processes.stop(process)
            said = self.log.read_text(errors="replace").strip().splitlines()[-1:]
            raise Unavailable(f"did not start: {''.join(said)}")
        wait_until(f"{self.name} has its workers", lambda: len(with_children(process.pid)) > self.workers)
        return process

    def target(self, process: subprocess.Popen[bytes] | None = None) -> Target:
        """Return it as a target; without a process one whose cost is not asked for."""
        pids = () if process is None else with_children(process.pid)
        return Target(self.name, self.port, pids, self.alias, self.headers)


def new_place(processes: Processes, name: str) -> tuple[Path, int]:
    """Return a folder of its own and a free port."""
    return processes.new_folder(name), free_port()


def found(name: str, *places: str) -> Path:
    """Find a program on PATH or in ``places``. Raises Unavailable."""
    program = shutil.which(name) or shutil.which(name, path=":".join(places))
    if program is None:
        raise Unavailable(f"needs {name}, which is not on this machine")
    return Path(program)
