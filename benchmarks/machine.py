"""What the figures were measured on and with."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable
from typing import Any

import psutil

from benchmarks.nginx import SYSTEM_FOLDERS
from benchmarks.peers import PLACE
from benchmarks.targets import GATEWAY, LITELLM, NGINX, PORTKEY, Target
from tests.harness.processes import ROOT


def machine() -> dict[str, Any]:
    """Return cores that may be used, memory, Python, kernel."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": psutil.virtual_memory().total / 2**30,
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


def busy_s() -> float:
    """CPU seconds that all programs of this machine have used."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def versions(targets: Iterable[Target]) -> dict[str, str]:
    """Return the version of each program that takes part, as far as it can be told."""
    ways = {NGINX: _nginx, GATEWAY: _gateway, LITELLM: _litellm, PORTKEY: _portkey}
    return {target.name: ways[target.name]() for target in targets if target.name in ways}


def _nginx() -> str:
    program = shutil.which("nginx") or shutil.which("nginx", path=":".join(SYSTEM_FOLDERS))
    return _said([program, "-v"]).rpartition("/")[2] if program else ""


def _gateway() -> str:
    found = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else ""


def _litellm() -> str:
    names = [place.name for place in (PLACE / "litellm").glob("lib/python3*/site-packages/litellm-*.dist-info")]
    return names[0].removeprefix("litellm-").removesuffix(".dist-info") if names else ""


def _portkey() -> str:
    text = (PLACE / "portkey" / "package.json").read_text(encoding="utf-8")
    found = re.search(r'"@portkey-ai/gateway": "(.*)"', text)
    return f"{found[1] if found else ''} on Node {_said(['node', '--version'])}"


def _said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()
