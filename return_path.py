"""Where a visitor may be sent back to, after signing in for one: paths of this service, nothing else."""

from __future__ import annotations

from urllib.parse import urlsplit


def own_path(wanted: str | None) -> str | None:
    """Return ``wanted`` if it is a path of this service with or without a query, else None."""
    if not wanted or not wanted.startswith("/"):
        return None
    # Browsers take "//host" and "/\host" for another site, and so "/<tab>/host": they drop tabs.
    if wanted[1:2] in ("/", "\\") or not wanted.isprintable() or "\\" in wanted:
        return None
    parts = urlsplit(wanted)
    return None if parts.scheme or parts.netloc else wanted
