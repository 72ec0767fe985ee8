"""Kilo's CLI: ``kilo run``, attached to a Kilo server that loads its seconds of program once for all tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests

from tests.harness.processes import Processes, free_port, wait_until
from tests_clients.programs import KILO, LOOPBACK_ONLY, Finished, Running, start_client
from tests_clients.setup_blocks import block

# What it would ask or tell the world, switched off.
QUIET = {
    "KILO_TELEMETRY_LEVEL": "off",
    "KILO_DISABLE_MODELS_FETCH": "1",
    "KILO_DISABLE_AUTOUPDATE": "1",
    "KILO_DISABLE_SHARE": "1",
    "KILO_DISABLE_SESSION_INGEST": "1",
    "KILO_DISABLE_LSP_DOWNLOAD": "1",
    "KILO_DISABLE_CODEBASE_INDEXING": "1",
    "KILO_DISABLE_PRESENCE": "1",
}
PROVIDER = "smart-route"
MODEL = "smart-route/smart-route-mini"
START_S = 60


class KiloServer:
    """``kilo serve`` with a home of its own, set up as docs/clients.md says."""

    def __init__(self, processes: Processes, gateway_url: str, token: str) -> None:
        self._processes = processes
        home = processes.new_folder("kilo-home")
        config = home / ".config" / "kilo" / "kilo.json"
        config.parent.mkdir(parents=True)
        config.write_text(block('{\n  "provider"', gateway_url), encoding="utf-8")
        self.url = f"http://127.0.0.1:{free_port()}"
        self.env = {
            **LOOPBACK_ONLY,
            **QUIET,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_DATA_HOME": str(home / ".local" / "share"),
            "XDG_STATE_HOME": str(home / ".local" / "state"),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "AI_TOOLS_ROUTER_API_KEY": token,
        }
        log = home / "server.log"
        port = self.url.rpartition(":")[2]
        with log.open("wb") as output:
            self._process = processes.start(
                [KILO, "serve", "--pure", "--hostname", "127.0.0.1", "--port", port],
                cwd=home,
                env=self.env,
                stdout=output,
                stderr=output,
            )
        wait_until("Kilo's server listens", lambda: b"listening" in log.read_bytes(), timeout_s=START_S)

    def stop(self) -> None:
        """End it and what it started."""
        self._processes.stop(self._process, patience_s=2)


class Kilo:
    """One project folder whose own configuration brings the token of one account."""

    def __init__(self, processes: Processes, server: KiloServer, token: str) -> None:
        self._processes = processes
        self._server = server
        self.project = processes.new_folder("kilo-project")
        own = {"provider": {PROVIDER: {"options": {"apiKey": token}}}}
        (self.project / "kilo.json").write_text(json.dumps(own), encoding="utf-8")

    def with_token(self, token: str) -> Kilo:
        """Another project for another account."""
        return Kilo(self._processes, self._server, token)

    def run(self, prompt: str, timeout_s: float = 40) -> Finished:
        """Send one prompt and wait for the turn's end, told as JSON lines."""
        return self._start(prompt).finish(timeout_s)

    def wait_for_retry(self, prompt: str) -> dict[str, Any]:
        """Send one prompt that Kilo is going to wait with.

        Gives what it tells its user then: ``message``, ``attempt`` and ``next`` (Unix milliseconds).
        """
        running = self._start(prompt)
        try:
            return wait_until("Kilo says that it waits", self._retry_status, timeout_s=40, pause_s=0.2)
        finally:
            running.stop()

    def _start(self, prompt: str) -> Running:
        # A title of ours: otherwise Kilo asks the model for one, which is a prompt of its own.
        attached = ["--attach", self._server.url, "--dir", str(self.project), "--title", "Test"]
        command: list[str | Path] = [
            KILO,
            "run",
            *attached,
            "--model",
            MODEL,
            "--auto",
            "--thinking",
            "--format",
            "json",
        ]
        # The prompt comes by standard input: as an argument Kilo would put it in quotes and escape those in it.
        return start_client(self._processes, command, cwd=self.project, env=self._server.env, stdin=prompt)

    def _retry_status(self) -> dict[str, Any]:
        asked = {"directory": str(self.project)}
        states = requests.get(f"{self._server.url}/session/status", params=asked, timeout=5).json()
        return next((state for state in states.values() if state["type"] == "retry"), {})


def texts(finished: Finished, kind: str = "text") -> list[str]:
    """What the agent said (``text``) or thought (``reasoning``), in order."""
    return [str(event["part"]["text"]) for event in finished.events() if event["type"] == kind]


def tools_used(finished: Finished) -> list[dict[str, Any]]:
    """The tool calls that Kilo ran, each with ``tool``, ``callID`` and ``state`` (status, input, output)."""
    return [event["part"] for event in finished.events() if event["type"] == "tool_use"]


def errors(finished: Finished) -> list[dict[str, Any]]:
    """The errors that ended the turn, each with ``name`` and ``data``."""
    return [event["error"] for event in finished.events() if event["type"] == "error"]
