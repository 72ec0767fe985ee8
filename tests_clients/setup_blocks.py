"""The set-up blocks of docs/clients.md, so that what a member pastes is what the tests run."""

from __future__ import annotations

import re

from tests.harness.processes import ROOT

DOCUMENT = ROOT / "docs" / "clients.md"
ADDRESS = "http://127.0.0.1:8000"


def block(first_line: str, gateway_url: str) -> str:
    """The fenced block of docs/clients.md that starts with ``first_line``, for the gateway at this address."""
    fences = re.findall(r"^```\w*\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.M | re.S)
    matching = [fence for fence in fences if fence.startswith(first_line)]
    assert len(matching) == 1, f"{DOCUMENT.name} has {len(matching)} blocks that start with {first_line!r}"
    assert ADDRESS in matching[0], f"the block that starts with {first_line!r} does not name {ADDRESS}"
    return str(matching[0]).replace(ADDRESS, gateway_url)
