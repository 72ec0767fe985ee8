"""Who runs a command, for the audit log: a user of the system, on a machine."""

from __future__ import annotations

import os
import pwd
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.accounts.audit import Actor


def at_the_terminal() -> Actor:
    """Return the user as the system knows it (not by ``USER``, which anybody sets), and who asked by sudo."""
    from service.accounts.audit import COMMAND_LINE, Actor

    user = _name(os.getuid())
    behind = os.environ.get("SUDO_USER")
    return Actor(f"{COMMAND_LINE} ({user}{f', sudo by {behind}' if behind else ''})", socket.gethostname())


def _name(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:  # a container may run as a number that has no name
        return f"user {user_id}"
