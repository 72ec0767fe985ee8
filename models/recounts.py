"""Counts of an account's rows, remembered while its newest row is the same.

Where the running number cannot be used, the rows are counted, and the next row carries the result. A request that is
refused writes no row, and a look at the quota writes none either: without this each of them would count anew, on
SQLite under the only write lock. What is remembered refuses and shows; what admits is always counted (``reservation``).
"""

from __future__ import annotations

import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

REMEMBERED_S = 60.0
AT_MOST = 1000  # counts

_Key = tuple[Any, ...]
_of_databases: weakref.WeakKeyDictionary[sa.Pool, OrderedDict[_Key, tuple[float, int]]] = weakref.WeakKeyDictionary()


def remembered(connection: sa.Connection, key: _Key) -> int | None:
    """Return the count that was kept under ``key`` within the last minute; None: count."""
    counts = _of_databases.get(connection.engine.pool)
    kept = None if counts is None else counts.get(key)
    return None if kept is None or time.monotonic() - kept[0] > REMEMBERED_S else kept[1]


def remember(connection: sa.Connection, key: _Key, count: Callable[[], int]) -> int:
    """Count, and keep the result under ``key``."""
    number = count()
    counts = _of_databases.setdefault(connection.engine.pool, OrderedDict())
    counts.pop(key, None)
    counts[key] = (time.monotonic(), number)
    if len(counts) > AT_MOST:
        counts.popitem(last=False)
    return number
