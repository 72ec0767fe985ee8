"""Prepares a database as a start does, with migrations of the test's own: ``python -m tests.upgrade.program ROOT``.

ROOT is a folder with ``migrations``; the rest of the environment is a service's. A catalog file named by
SMARTROUTE_CONFIG counts.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

from app import create_app
from config import Settings
from models.storage import StorageUnavailable
from service.database import prepare as prepare_database
from tests.harness.processes import ROOT


def main(root: Path) -> int:
    """Prepare; the exit code is a start's."""
    settings = dataclasses.replace(Settings.from_environment(os.environ, ROOT), root=root)
    with create_app(settings).app_context():
        try:
            prepare_database.prepare()
        except (prepare_database.NotReady, StorageUnavailable) as error:
            print(f"smart-route: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
