"""Codex CLI as a member runs it without a terminal: ``codex exec`` with a home and a project of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.harness.processes import Processes
from tests_clients.programs import CODEX, NODE, Finished, start_client
from tests_clients.setup_blocks import block

# The test's project is thrown away afterwards, and a container seldom lets Codex make a sandbox of its own.
UNATTENDED = ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
PROVIDER = "model_providers.ai_tools_router"


class Codex:
    """One Codex home (configuration, sessions) and one project folder."""

    def __init__(self, processes: Processes, gateway_url: str, token: str) -> None:
        self._processes = processes
        self._gateway_url = gateway_url
        self.home = processes.new_folder("codex-home")
        self.project = processes.new_folder("codex-project")
        self._env = {"HOME": str(self.home), "CODEX_HOME": str(self.home), "AI_TOOLS_ROUTER_API_KEY": token}
        config = block('model = "smart-route-mini"', gateway_url)
        (self.home / "config.toml").write_text(f"{config}\n[analytics]\nenabled = false\n", encoding="utf-8")

    def add_config(self, text: str) -> None:
        """Add tables to config.toml."""
        with (self.home / "config.toml").open("a", encoding="utf-8") as config:
            config.write(text)

    def with_token(self, token: str) -> Codex:
        """Another Codex for another account."""
        return Codex(self._processes, self._gateway_url, token)

    def exec(self, prompt: str, *options: str, timeout_s: float = 30) -> Finished:
        """Run one turn to its end, told as JSON lines."""
        return self.run("exec", *UNATTENDED, "--json", *options, "-", stdin=prompt, timeout_s=timeout_s)

    def resume_last(self, prompt: str, *options: str) -> Finished:
        """Go on with the newest session."""
        return self.run("exec", "resume", "--last", *UNATTENDED, "--json", *options, "-", stdin=prompt)

    def run(self, *arguments: str, stdin: str = "", timeout_s: float = 30) -> Finished:
        """Run ``codex`` with these arguments in the project."""
        command: list[str | Path] = [NODE, CODEX, *arguments]
        running = start_client(self._processes, command, cwd=self.project, env=self._env, stdin=stdin)
        return running.finish(timeout_s)

    def session_records(self) -> list[dict[str, Any]]:
        """All that Codex has written down about its sessions, oldest first."""
        lines: list[str] = []
        for path in sorted((self.home / "sessions").rglob("*.jsonl")):
            lines += path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def rate_limits(self) -> dict[str, Any]:
        """The newest windows that Codex has read from answers and shows to its user."""
        payloads = [record.get("payload", {}) for record in self.session_records()]
        counts = [payload for payload in payloads if payload.get("type") == "token_count"]
        found: dict[str, Any] = next(count["rate_limits"] for count in reversed(counts) if count.get("rate_limits"))
        return found


def messages(finished: Finished) -> list[str]:
    """What the agent said, in order."""
    return [str(item["text"]) for item in items(finished, "agent_message")]


def items(finished: Finished, kind: str) -> list[dict[str, Any]]:
    """The finished items of one kind, in order."""
    events = [event["item"] for event in finished.events() if event["type"] == "item.completed"]
    return [item for item in events if item["type"] == kind]


def errors(finished: Finished) -> list[str]:
    """Messages of the errors that ended or troubled the turn."""
    return [str(event["message"]) for event in finished.events() if event["type"] == "error"]
