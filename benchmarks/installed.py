"""How much a program takes on the disk: what its installation brought, without the language it is written in."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Iterable
from importlib.metadata import distributions
from pathlib import Path

from benchmarks.peers import PLACE
from benchmarks.targets import GATEWAY, LITELLM, NGINX, PORTKEY
from tests.harness.processes import ROOT

# Every virtual environment has them, and no service needs them.
TOOLS = {"pip", "setuptools"}
NAME = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", re.MULTILINE)
# Of the project's folder, what a server is not given.
NOT_SERVED = re.compile(r"\..*|__pycache__|tests.*|benchmarks|endurance|docs|instance|build|node_modules|.*\.egg-info")


def installed_mb(names: Iterable[str]) -> dict[str, float]:
    """Return megabytes by target; one that cannot be told is left out."""
    ways: dict[str, Callable[[], float | None]] = {
        NGINX: _nginx_mb,
        GATEWAY: _gateway_mb,
        LITELLM: _litellm_mb,
        PORTKEY: lambda: _bytes_below(PLACE / "portkey" / "node_modules") / 1e6,
    }
    sizes = {name: ways[name]() for name in names if name in ways}
    return {name: size for name, size in sizes.items() if size is not None}


def packages_mb(folder: Path, names: set[str] | None = None) -> float:
    """Files of the Python packages in a folder, by their own lists; of all but pip and setuptools, or of ``names``."""
    total = 0
    for package in distributions(path=[str(folder)]):
        name = _canonical(package.metadata["Name"])
        if name in TOOLS or (names is not None and name not in names):
            continue
        places = {Path(str(package.locate_file(file))) for file in package.files or ()}
        total += sum(place.stat().st_size for place in places if place.is_file())
    return total / 1e6


def _gateway_mb() -> float:
    """The pins of requirements.txt, and the project's own files."""
    pins = {_canonical(name) for name in NAME.findall((ROOT / "requirements.txt").read_text(encoding="utf-8"))}
    own = [place for place in ROOT.iterdir() if not NOT_SERVED.fullmatch(place.name)]
    own_bytes = sum(_bytes_below(place) if place.is_dir() else place.stat().st_size for place in own)
    return packages_mb(Path(sysconfig.get_path("purelib")), pins) + own_bytes / 1e6


def _litellm_mb() -> float | None:
    folders = list((PLACE / "litellm").glob("lib/python3*/site-packages"))
    return packages_mb(folders[0]) if folders else None


def _nginx_mb() -> float | None:
    if shutil.which("dpkg-query") is None:
        return None
    command = ["dpkg-query", "--show", "--showformat=${Installed-Size}\n", "nginx", "nginx-common"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    sizes = [int(line) for line in asked.stdout.split()]
    return sum(sizes) * 1024 / 1e6 if sizes else None


def _bytes_below(folder: Path) -> int:
    files = (place for place in folder.rglob("*") if "__pycache__" not in place.parts)
    return sum(place.stat().st_size for place in files if place.is_file() and not place.is_symlink())


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
