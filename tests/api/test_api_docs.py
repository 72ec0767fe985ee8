"""docs/api.md: its examples run, and it knows every endpoint and header."""

from __future__ import annotations

import re
import subprocess

import pytest

from blueprints.api_v1.openapi.endpoints import ENDPOINTS
from tests.api.client import Api
from tests.harness.processes import ROOT

TEXT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_example_runs_as_it_stands(api: Api, example: str) -> None:
    example = example.replace("smart-route-mini", "plain")
    example = example.replace('\'{"messages"', '\'{"model": "plain", "messages"').replace(
        '\'{\n  "messages"', '\'{"model": "plain", "messages"'
    )
    done = subprocess.run(
        ["bash", "-e", "-c", example],
        env={"PATH": "/usr/bin:/bin", "BASE": api.url, "TOKEN": api.token},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout


def test_every_header_of_a_success_is_described(small: Api) -> None:
    shown = {name.lower() for name in small.chat("x").headers if name.lower().startswith("x-")}
    assert "x-ratelimit-limit-requests" in shown
    for name in shown:
        family, _, last = name.rpartition("-")
        assert f"`{name}`" in TEXT or (f"`{family}-limit`" in TEXT and f"`-{last}`" in TEXT), name


def test_every_endpoint_stands_in_the_table() -> None:
    for endpoint in ENDPOINTS:
        path = endpoint.path.strip("/").replace("{response_id}", "{id}")
        assert f"`{endpoint.method.upper()} {path}`" in TEXT
