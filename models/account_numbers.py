"""How many accounts there are."""

from __future__ import annotations

import sqlalchemy as sa

from .account import Account
from .storage import Storage


def count_living(storage: Storage) -> tuple[int, int]:
    """Return how many accounts are not deleted, and how many of them are suspended.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    suspended = sa.func.coalesce(sa.func.sum(sa.case((Account.suspended_at.is_not(None), 1), else_=0)), 0)
    wanted = sa.select(sa.func.count(), suspended).where(Account.deleted_at.is_(None))
    row = storage.read(lambda connection: connection.execute(wanted).one())
    return int(row[0]), int(row[1])
