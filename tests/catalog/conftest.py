"""A catalog file written, read and refused in one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from catalog.errors import CatalogError
from catalog.model import Catalog
from catalog.reader import read_catalog

DEMO = "http://127.0.0.1:9100/v1"

Read = Callable[..., Catalog]
Refusal = Callable[..., str]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Read a catalog from the text of a file, or without a file when the text is None."""
    monkeypatch.chdir(tmp_path)

    def read_text(text: str | bytes | None = None, env: Mapping[str, str] | None = None) -> Catalog:
        path = None
        if text is not None:
            path = tmp_path / "smartroute.toml"
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_catalog(path, port=8123, env=env or {}, demo_base_url=DEMO)

    return read_text


@pytest.fixture
def refusal(read: Read) -> Refusal:
    """The one line that a catalog is refused with."""

    def refused(text: str | bytes | None, env: Mapping[str, str] | None = None) -> str:
        with pytest.raises(CatalogError) as caught:
            read(text, env)
        line = str(caught.value)
        assert "\n" not in line
        return line

    return refused
