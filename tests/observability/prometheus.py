"""A real Prometheus that scrapes a gateway under test."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import requests

from tests.harness.processes import ROOT, Processes, free_port, wait_until

UNPACKED = ROOT / ".venv" / "prometheus" / "usr" / "bin"  # tools/need-prometheus


def program(name: str) -> str:
    """Where a program of Prometheus is."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), str(UNPACKED)]))
    assert found, f"{name} is missing: run tools/need-prometheus"
    return found


class Prometheus:
    """Scrapes one target four times a second."""

    def __init__(self, processes: Processes, target: str, rules: Path) -> None:
        folder = processes.new_folder("prometheus")
        config = folder / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 250ms, evaluation_interval: 1s}\n"
            f"rule_files: [{rules}]\n"
            f"scrape_configs: [{{job_name: smart-route, static_configs: [{{targets: ['{target}']}}]}}]\n"
        )
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self._processes = processes
        with (folder / "log").open("wb") as log:
            self._process = processes.start(
                [
                    program("prometheus"),
                    f"--config.file={config}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                cwd=folder,
                stdout=log,
                stderr=log,
            )
        wait_until("Prometheus", self._is_up, timeout_s=30, pause_s=0.1)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The answer to an instant query; fails for one that it does not understand."""
        return list(self._get("query", query=expression)["result"])

    def series(self, name: str, label: str) -> list[str]:
        """The values that a label of a metric has."""
        found: Any = self._get(f"label/{label}/values", **{"match[]": name})
        return list(found)

    def rules(self) -> list[dict[str, Any]]:
        """Every alert rule with its state."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def stop(self) -> None:
        """End it."""
        self._processes.stop(self._process)

    def _is_up(self) -> bool:
        try:
            return bool(self.query("up == 1"))
        except (requests.RequestException, AssertionError):
            return False

    def _get(self, path: str, **parameters: str) -> Any:
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]
