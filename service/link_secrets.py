"""Secrets that stand in links and cookies, and what the database knows of them."""

from __future__ import annotations

import hashlib
import secrets


def new_link_secret() -> str:
    """Return 256 random bits as letters that an address may hold."""
    return secrets.token_urlsafe(32)


def link_digest(secret: str) -> bytes:
    """Return the 32 bytes by which the database knows a secret."""
    return hashlib.sha256(secret.encode()).digest()
