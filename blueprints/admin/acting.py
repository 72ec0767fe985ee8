"""Who changes something on the operator pages, for the audit log."""

from __future__ import annotations

from flask_login import current_user

from service.accounts.audit import Actor


def acting(remote_addr: str | None) -> Actor:
    """Return the signed-in operator at a network address: ``acting(request.remote_addr)``.

    That address is the connection's own unless one of the trusted proxies tells another.
    """
    return Actor(current_user.member.email, remote_addr or "no address")
