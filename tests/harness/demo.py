"""The built-in demo upstream as a process of the test session."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import requests

from tests.harness.processes import ROOT, Processes

COMMAND = [sys.executable, "-m", "demo_upstream", "--port", "0", "--exit-with-stdin"]


class Demo:
    """A running demo upstream; it ends when its standard input closes."""

    def __init__(self, processes: Processes, command: Sequence[str] = COMMAND) -> None:
        self._processes = processes
        self._log = processes.new_folder("demo") / "stderr.log"
        with self._log.open("wb") as log:
            self._process = processes.start(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        assert "http://" in line, f"the demo upstream did not start: {line}{self._log.read_text()}"
        self.base_url = line[line.index("http://") :].strip()
        self.origin = self.base_url.removesuffix("/v1")

    def requests(self) -> Any:
        """What the demo upstream was asked, newest last."""
        return self._get("/_demo/requests")

    def open(self) -> Any:
        """What it is answering at this moment."""
        return self._get("/_demo/open")

    def stop(self) -> None:
        """End it; connections to it are refused from now on."""
        self._processes.stop(self._process)

    def _get(self, path: str) -> Any:
        http_response = requests.get(self.origin + path, timeout=5)
        http_response.raise_for_status()
        return http_response.json()
