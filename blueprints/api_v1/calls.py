"""One request of a client, read and checked, as admission and relay pass it on."""

from __future__ import annotations

import secrets
from typing import Any

from msgspec import Struct

from catalog.model import Profile
from routing.features import Features


class Call(Struct, frozen=True):
    """A checked request. Times are of the monotonic clock, in seconds."""

    request_id: str
    endpoint: str
    body: dict[str, Any]
    profile: Profile
    features: Features
    alias_asked: str | None
    stream: bool
    include_usage: bool
    started: float
    deadline_s: float
    """How long after ``started`` a route may still be tried."""
    created: int  # Unix seconds
    answer_id: str

    def forget_body(self) -> None:
        """Let go of a body that nobody looks at again: prompts are large, and streams last."""
        self.body.clear()


def new_id(prefix: str) -> str:
    """Return ``prefix`` and 32 random letters and digits."""
    return prefix + secrets.token_hex(16)
