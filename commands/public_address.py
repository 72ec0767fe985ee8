"""Whether the address that a command prints is a guess, because the command does not know the service's port."""

from __future__ import annotations

import os

from catalog.source import read_source
from config import Settings

PORT_NOTE = "(PORT is not set here: use the port of the running service)"


def port_note(settings: Settings) -> str:
    """Return a line to print below an address; empty where PORT or ``public_url`` is set.

    Raises:
        CatalogError: the catalog's file cannot be read.
    """
    if os.environ.get("PORT", "").strip() or _names_public_url(settings):
        return ""
    return PORT_NOTE


def _names_public_url(settings: Settings) -> bool:
    service = read_source(settings.config_path).data.get("service") if settings.config_path else None
    return isinstance(service, dict) and "public_url" in service
