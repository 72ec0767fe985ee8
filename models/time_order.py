"""Rows of the usage log in order of time, page by page along the index of an account's times.

Numbers follow time only where admission alone has written: a program may have put in older rows after newer ones.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from .usage_log import UsageLog

# As the database holds it: SQLite compares letters, and another program may have left the microseconds out.
HELD = sa.type_coerce(UsageLog.started_at, sa.String).label("held")

Place = tuple[Any, int]
"""Time, as it is held, and id of a row."""


def after(place: Place) -> sa.ColumnElement[bool]:
    """Return the condition of the rows that come after a place."""
    held, row_id = place
    column = sa.type_coerce(UsageLog.started_at, sa.String)
    return sa.and_(column >= held, sa.or_(column > held, UsageLog.id > row_id))


ORDER = (UsageLog.started_at, UsageLog.id)
