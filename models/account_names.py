"""What operators call an account in lists: its address, or its number once it is deleted."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .account import Account


def names(session: Session) -> dict[int, str]:
    """Return the name of every account by its id, deleted ones included."""
    found = session.execute(sa.select(Account.id, Account.email).order_by(Account.id))
    return {account_id: email or f"deleted account {account_id}" for account_id, email in found}
