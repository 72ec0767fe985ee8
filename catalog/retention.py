"""From the checked [retention] table: how long things are kept, how much of them, and which backups."""

from __future__ import annotations

from pathlib import Path

from catalog import keys
from catalog.model import Retention
from catalog.tables import Table

MOST_DAYS = 36_500


def read_retention(root: Table) -> Retention:
    """The [retention] table of the file; without one, its defaults."""
    table = root.table("retention", keys.RETENTION)
    folder = table.text("backup_folder", None, most=4096)
    return Retention(
        usage_log_days=table.integer("usage_log_days", 400, least=0, most=MOST_DAYS),
        usage_totals_days=table.integer("usage_totals_days", 1830, least=0, most=MOST_DAYS),
        stored_responses_mb=table.integer("stored_responses_mb", 500, least=0, most=1_000_000),
        backup_before_upgrade=table.flag("backup_before_upgrade", True),
        backups_kept=table.integer("backups_kept", 5, least=1, most=1000),
        backup_folder=None if folder is None else Path(folder),
    )
