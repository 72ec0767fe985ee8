"""The one-time link that makes the first operator account. There is no default password."""

from __future__ import annotations

import hashlib
import secrets

from models import one_time_link
from service.services import services


def hand_out_operator_link() -> str:
    """Store a new link that is valid for an hour and return its address."""
    secret = secrets.token_urlsafe(32)
    services().storage.write_session(
        lambda session: one_time_link.hand_out(
            session, one_time_link.OPERATOR, link_digest(secret), one_time_link.OPERATOR_LINK_LIFETIME
        )
    )
    # The secret stands in the query: query strings are never logged.
    return f"{services().catalog.service.public_url}/operator?link={secret}"


def link_digest(secret: str) -> bytes:
    """Return the 32 bytes by which the database knows a link."""
    return hashlib.sha256(secret.encode()).digest()
