"""The page about stored responses: its commands run as they stand, its endpoints are all there are."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.harness.gateway import Gateway
from tests.harness.processes import ROOT

PAGE = (ROOT / "docs" / "responses.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def token(gateway: Gateway) -> str:
    """An account's token."""
    found: str = gateway.account()["token"]
    return found


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.split()[0])
def test_every_command_of_the_page_runs_as_it_stands(gateway: Gateway, token: str, command: str) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env={"BASE": gateway.api, "TOKEN": token, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"error":{' not in done.stdout


def test_page_names_every_endpoint_below_responses() -> None:
    text = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "blueprints" / "api_v1").glob("routes_responses*.py")
    )
    routes = re.findall(r'@bp\.(get|post|delete)\("/(responses[^"]*)"\)', text)
    served = {f"{method.upper()} {path.replace('<response_id>', '{id}')}" for method, path in routes}
    assert len(served) >= 7
    assert served == set(re.findall(r"^\| `([A-Z]+ responses[^`]*)` \|", PAGE, re.MULTILINE))
