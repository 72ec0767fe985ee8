"""Admission on accounts with many rows, on the databases that this machine has."""

from __future__ import annotations

import os
import shutil
from typing import Any

from benchmarks.admission import measure_admission
from benchmarks.plan import Plan
from tests.harness.mariadb import SYSTEM_FOLDERS, MariaDB
from tests.harness.processes import Processes


def measure_quota_check(processes: Processes, plan: Plan) -> dict[str, list[dict[str, Any]]]:
    """Return the figures of ``measure_admission`` by database.

    Raises:
        WrongDecision: a decision was not exact.
    """

    def sqlite_url() -> str:
        return f"sqlite:///{processes.new_folder('admission') / 'bench.db'}"

    figures = {"SQLite": measure_admission(sqlite_url, plan.admission_rows, plan.admission_rounds)}
    if plan.with_mariadb and _mariadb_is_there():
        server = MariaDB(processes)
        try:
            figures["MariaDB"] = measure_admission(server.create_database, plan.admission_rows, plan.admission_rounds)
        finally:
            server.stop()
    return figures


def _mariadb_is_there() -> bool:
    return shutil.which("mariadbd", path=os.environ.get("PATH", os.defpath) + ":" + SYSTEM_FOLDERS) is not None
