"""The examples of docs/clients.md run as they stand there, but for the address."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.harness.processes import Processes
from tests_clients.programs import HERE, NODE, start_client
from tests_clients.service import Service
from tests_clients.setup_blocks import block


def run(processes: Processes, command: list[str | Path], script: str, token: str) -> str:
    """Run a script that comes by standard input; gives what it printed."""
    env = {"AI_TOOLS_ROUTER_API_KEY": token}
    finished = start_client(processes, command, cwd=HERE, env=env, stdin=script).finish(timeout_s=20)
    assert finished.exit_code == 0, finished.stderr
    return finished.stdout


def test_the_curl_line_gets_an_answer(processes: Processes, service: Service, token: str) -> None:
    answer = json.loads(run(processes, ["sh"], block("curl", service.gateway.url), token))
    assert "Say hello." in answer["choices"][0]["message"]["content"]


def test_the_python_example_prints_two_answers(processes: Processes, service: Service, token: str) -> None:
    printed = run(processes, [sys.executable, "-"], block("import os", service.gateway.url), token)
    assert printed.count("Say hello.") == 2


def test_the_javascript_example_prints_two_answers(processes: Processes, service: Service, token: str) -> None:
    command: list[str | Path] = [NODE, "--input-type=module", "-"]
    printed = run(processes, command, block("import OpenAI", service.gateway.url), token)
    assert printed.count("Say hello.") == 2
