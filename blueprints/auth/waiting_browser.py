"""What the cookie of a browser keeps while its sign-up waits for the link in the mail."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from service.signing_in import confirmation
from service.signing_in.confirmation import Waiting

_KEY = "sign_up"


def remember(cookie: MutableMapping[str, Any], waits: Waiting) -> None:
    """Keep which sign-up this browser sent, with its proof."""
    cookie[_KEY] = [waits.id, waits.browser_secret]


def browser_secret(cookie: MutableMapping[str, Any]) -> str:
    """Return the proof that this browser sent its sign-up; empty without one."""
    return str(cookie[_KEY][1]) if _KEY in cookie else ""


def waiting_here(cookie: MutableMapping[str, Any]) -> Waiting | None:
    """Return the sign-up that this browser sent and that still waits."""
    if _KEY not in cookie:
        return None
    return confirmation.waiting(int(cookie[_KEY][0]), browser_secret(cookie))
