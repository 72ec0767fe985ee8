"""The [metrics] table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from catalog.errors import CatalogError
from catalog.model import Catalog, MetricsReaders
from catalog.reader import read_catalog

UPSTREAM = {"UPSTREAM_BASE_URL": "http://127.0.0.1:9/v1", "UPSTREAM_MODEL": "m"}


def catalog_of(folder: Path, text: str, env: Mapping[str, str] = UPSTREAM) -> Catalog:
    """Read a file that has the table alone."""
    path = folder / "smartroute.toml"
    path.write_text(f"[metrics]\n{text}\n")
    return read_catalog(path, port=8000, env=env, demo_base_url=None)


def test_metrics_are_local_unless_configured(tmp_path: Path) -> None:
    assert catalog_of(tmp_path, "").metrics == MetricsReaders("local", None)


def test_token_opens_them_to_others(tmp_path: Path) -> None:
    read = catalog_of(tmp_path, 'token_env = "METRICS_TOKEN"', {**UPSTREAM, "METRICS_TOKEN": "secret"})
    assert read.metrics == MetricsReaders("local", "METRICS_TOKEN")
    assert not [notice for notice in read.notices if "METRICS_TOKEN" in notice]


def test_token_that_is_not_set_is_told_at_start(tmp_path: Path) -> None:
    read = catalog_of(tmp_path, 'token_env = "METRICS_TOKEN"')
    assert [notice for notice in read.notices if "METRICS_TOKEN is not set" in notice]


@pytest.mark.parametrize(
    "text",
    [
        'access = "yes"',
        "access = true",
        'token_env = "the-token-itself"',
        'token_env = "METRICS_TOKEN"\naccess = "public"',
        'token_env = "METRICS_TOKEN"\naccess = "off"',
    ],
)
def test_wrong_value_is_refused_with_its_line_and_without_the_token(tmp_path: Path, text: str) -> None:
    with pytest.raises(CatalogError, match=r":2: metrics\.(access|token_env): expected") as refused:
        catalog_of(tmp_path, text)
    assert "the-token-itself" not in str(refused.value)
