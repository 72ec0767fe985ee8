"""Fixtures: an application in this process, on SQLite, or on both databases where they may differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.accounts.house import Visitor, open_house


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """An application on SQLite."""
    with open_house(f"sqlite:///{tmp_path / 'smartroute.db'}") as app:
        yield app


@pytest.fixture
def either_app(database_url: str) -> Iterator[Flask]:
    """An application on each of the two databases."""
    with open_house(database_url) as app:
        yield app


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Somebody with an empty cookie jar."""
    return Visitor(app)
