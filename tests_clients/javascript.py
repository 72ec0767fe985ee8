"""The JavaScript SDK: scenarios in ``scenarios/*.mjs``, each a program that prints one JSON document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.harness.processes import Processes
from tests_clients.programs import HERE, NODE, start_client

SCENARIOS = HERE / "scenarios"


class JavaScript:
    """Runs scenarios with the SDK set to one gateway address and token."""

    def __init__(self, processes: Processes, base_url: str, token: str) -> None:
        self._processes = processes
        self._env = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": token}

    def run(self, scenario: str, **arguments: object) -> Any:
        """Run ``scenarios/<scenario>.mjs`` with these arguments; gives what it printed."""
        command: list[str | Path] = [NODE, SCENARIOS / f"{scenario}.mjs", json.dumps(arguments)]
        finished = start_client(self._processes, command, cwd=HERE, env=self._env).finish(timeout_s=20)
        assert finished.exit_code == 0, finished.stderr
        return json.loads(finished.stdout)
