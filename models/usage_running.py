"""How many requests are under way at the moment."""

from __future__ import annotations

import sqlalchemy as sa

from . import usage_log as log
from .storage import Storage
from .usage_log import UsageLog


def running(storage: Storage) -> tuple[int, int]:
    """Return how many requests wait for their first output, and how many have had it.

    The index over owners leads to them, whatever the log's size.

    Raises:
        StorageUnavailable: the database did not answer in time.
    """
    wanted = (
        sa.select(UsageLog.status, sa.func.count())
        .where(UsageLog.owner_id > sa.literal_column("0"))
        .group_by(UsageLog.status)
    )
    rows = storage.read(lambda connection: connection.execute(wanted).all())
    found = {row[0]: int(row[1]) for row in rows}
    return found.get(log.OPEN, 0), found.get(log.STARTED, 0)
