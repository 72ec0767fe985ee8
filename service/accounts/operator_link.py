"""The one-time link that makes the first operator account. There is no default password."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy.orm import Session

from models import one_time_link
from service.accounts import audit
from service.accounts.audit import Actor
from service.services import services


def hand_out_operator_link(*, by: Actor | None = None) -> str:
    """Store a new link that is valid for an hour and return its address; ``by`` is None at the service's start."""
    secret = secrets.token_urlsafe(32)

    def work(session: Session) -> None:
        lifetime = one_time_link.OPERATOR_LINK_LIFETIME
        one_time_link.hand_out(session, one_time_link.OPERATOR, link_digest(secret), lifetime)
        if by is not None:
            audit.record(session, by, "operator_link.created")

    services().storage.write_session(work)
    # The secret stands in the query: query strings are never logged.
    return f"{services().catalog.service.public_url}/operator?link={secret}"


def link_digest(secret: str) -> bytes:
    """Return the 32 bytes by which the database knows a link."""
    return hashlib.sha256(secret.encode()).digest()
