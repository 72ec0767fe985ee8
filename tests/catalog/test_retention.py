"""The [retention] table."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import CatalogError
from catalog.model import Retention
from catalog.reader import read_catalog

UPSTREAM = {"UPSTREAM_BASE_URL": "http://127.0.0.1:9/v1", "UPSTREAM_MODEL": "m"}


def retention_of(folder: Path, text: str) -> Retention:
    """Read a file that has the table alone."""
    path = folder / "smartroute.toml"
    path.write_text(f"[retention]\n{text}\n")
    return read_catalog(path, port=8000, env=UPSTREAM, demo_base_url=None).retention


def test_without_the_table_the_disk_is_bounded_all_the_same(tmp_path: Path) -> None:
    assert retention_of(tmp_path, "") == Retention()
    assert Retention().usage_log_days == 400


def test_zero_days_keep_everything(tmp_path: Path) -> None:
    assert retention_of(tmp_path, "usage_log_days = 0").usage_log_days == 0


@pytest.mark.parametrize(
    "line", ["usage_log_days = -1", 'usage_log_days = "400d"', "backups_kept = 0", "backup_before_upgrade = 1"]
)
def test_wrong_value_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(CatalogError, match=f":2: retention.{line.split()[0]}"):
        retention_of(tmp_path, line)
