"""The address that a command prints: the running service's, also where the command's shell does not know its port."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from catalog.source import read_source
from config import Settings
from service.process import running_port

ROOT = Path(__file__).resolve().parent.parent
PORT_NOTE = (
    "(no running service of this database was found, so the port is a guess: if it listens on another one,\n"
    "repeat the command with PORT set to that, as in PORT=8001 .venv/bin/flask …)"
)


@contextlib.contextmanager
def port_of_running_service() -> Iterator[None]:
    """Run a command as if PORT were set to where the service of its database listens, if PORT is not set.

    Raises:
        SettingsError: an environment variable is wrong.
    """
    if os.environ.get("PORT", "").strip():
        yield
        return
    port = running_port.find(Settings.from_environment(os.environ, ROOT))
    before = os.environ.get("PORT")
    if port is not None:
        os.environ["PORT"] = str(port)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("PORT", None)
        else:
            os.environ["PORT"] = before


def port_note(settings: Settings) -> str:
    """Return lines to print below an address; empty where the port or ``public_url`` is known.

    Raises:
        CatalogError: the catalog's file cannot be read.
    """
    if os.environ.get("PORT", "").strip() or _names_public_url(settings):
        return ""
    return PORT_NOTE


def _names_public_url(settings: Settings) -> bool:
    service = read_source(settings.config_path).data.get("service") if settings.config_path else None
    return isinstance(service, dict) and "public_url" in service
