"""A gateway as on a machine of its own: its own folder of code and instance, its own host name, the shared key."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from tests.harness.gateway import Gateway
from tests.harness.processes import ROOT, Processes

NO_CODE = shutil.ignore_patterns(
    ".*",
    "instance",
    "node_modules",
    "tests",
    "tests_*",
    "benchmarks",
    "endurance",
    "build",
    "__pycache__",
    "*.egg-info",
    "*.toml",
)
UNSHARE = ["unshare", "--uts"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--uts"]


class Machine(Gateway):
    """Knows the processes of the others as little as another machine would: they have another host name."""

    def __init__(self, processes: Processes, name: str, database_url: str, config: str, *, workers: int = 2) -> None:
        root = processes.new_folder(name) / "smart-route"
        shutil.copytree(ROOT, root, ignore=NO_CODE)
        shutil.copy(ROOT / "catalog/shipped.toml", root / "catalog")
        launcher = [*UNSHARE, "sh", "-c", f'hostname {shlex.quote(name)} && exec "$@"', "sh"]
        super().__init__(
            processes, database_url=database_url, workers=workers, config=config, root=root, launcher=launcher
        )
        self.name = name

    def running_files(self) -> list[Path]:
        """What this machine wrote down of where it listens."""
        return list((self.root / "instance").glob("running-*.json"))
