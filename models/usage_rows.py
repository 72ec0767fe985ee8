"""Single requests of an account, as their owner may see them: never the upstream, its model or the cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from msgspec import Struct

from . import time_order
from .account import Account
from .storage import Storage
from .usage_log import UsageLog

SEARCHED_AT_ONCE = 2_000  # rows that a filter looks through in one statement
MOST_SEARCHED = 40_000  # and for one page; the next page goes on from there
EXPORTED_AT_ONCE = 500


class UsedRequest(NamedTuple):
    """One row of the usage log without what is the operator's alone."""

    seq: int
    request_id: str
    started_at: datetime
    endpoint: str
    alias_asked: str | None
    alias_served: str
    kind: str
    counted: bool
    reason: str
    status: str
    error_code: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    tokens_estimated: bool
    first_output_ms: int | None
    duration_ms: int | None
    client_name: str | None


class Wanted(Struct, frozen=True):
    """Which requests a page is to show; None is any."""

    statuses: tuple[str, ...] | None = None
    alias: str | None = None


class Page(Struct, frozen=True):
    """Some requests, newest first, and where the neighbouring pages begin; None where there is none."""

    requests: list[UsedRequest]
    older_than: int | None
    newer_than: int | None


_SHOWN: tuple[sa.ColumnElement[Any], ...] = tuple(getattr(UsageLog, name) for name in UsedRequest._fields)


def bounds(storage: Storage, account_id: int) -> tuple[int, int]:
    """Return the numbers of the first and of the newest row that are the present holder's; (1, 0) before any."""
    newest = sa.select(sa.func.max(UsageLog.seq)).where(UsageLog.account_id == account_id).scalar_subquery()
    known = sa.select(Account.history_after, newest).where(Account.id == account_id)
    row = storage.read(lambda connection: connection.execute(known).one_or_none())
    history_after, last = (0, None) if row is None else row
    return history_after + 1, max(last or 0, history_after)


def page_before(storage: Storage, account_id: int, wanted: Wanted, before: int | None, size: int) -> Page:
    """Return the newest requests whose number is below ``before``, of all without it."""
    first, newest = bounds(storage, account_id)
    start = newest + 1 if before is None else min(before, newest + 1)
    found: list[UsedRequest] = []
    low = start
    while low > first and len(found) <= size and start - low < MOST_SEARCHED:
        high, low = low, max(first, low - SEARCHED_AT_ONCE)
        found += _between(storage, account_id, wanted, low, high, size + 1 - len(found), newest_first=True)
        time.sleep(0)  # other greenlets come first
    older_than = found[size - 1].seq if len(found) > size else low if low > first else None
    shown = found[:size]
    is_newest = start > newest
    return Page(shown, older_than, None if is_newest else shown[0].seq if shown else start - 1)


def page_after(storage: Storage, account_id: int, wanted: Wanted, after: int, size: int) -> Page:
    """Return the oldest requests whose number is above ``after``; the newest page where they do not fill one."""
    first, newest = bounds(storage, account_id)
    found: list[UsedRequest] = []
    high = start = max(first, after + 1)
    while high <= newest and len(found) <= size and high - start < MOST_SEARCHED:
        low, high = high, high + SEARCHED_AT_ONCE
        found += _between(storage, account_id, wanted, low, high, size + 1 - len(found), newest_first=False)
        time.sleep(0)
    if len(found) <= size and high > newest:
        return page_before(storage, account_id, wanted, None, size)
    shown = found[:size][::-1]
    newer_than = shown[0].seq if len(found) > size else high - 1
    return Page(shown, shown[-1].seq if shown else start, newer_than)


def requests_since(storage: Storage, account_id: int, since: datetime) -> Callable[[], Iterator[UsedRequest]]:
    """Find an account's requests since an instant; what is returned reads them, oldest first, without holding anything.

    Raises:
        StorageUnavailable: the database did not answer in time; also while they are read.
    """
    first_seq, last = bounds(storage, account_id)
    rows = sa.select(*_SHOWN, UsageLog.id, time_order.HELD).where(UsageLog.account_id == account_id)
    rows = rows.order_by(*time_order.ORDER).limit(EXPORTED_AT_ONCE)

    def next_rows(place: time_order.Place | None) -> list[Any]:
        begin = UsageLog.started_at >= since if place is None else time_order.after(place)
        return storage.read(lambda connection: list(connection.execute(rows.where(begin))))

    def read() -> Iterator[UsedRequest]:
        place: time_order.Place | None = None
        while found := next_rows(place):
            requests = [UsedRequest(*row[: len(_SHOWN)]) for row in found]
            yield from (each for each in requests if first_seq <= each.seq <= last)
            place = (found[-1].held, found[-1].id)
            time.sleep(0)

    return read


def _between(
    storage: Storage, account_id: int, wanted: Wanted, low: int, high: int, at_most: int, *, newest_first: bool
) -> list[UsedRequest]:
    """Read the wanted requests with ``low <= seq < high``."""
    rows = sa.select(*_SHOWN).where(UsageLog.account_id == account_id, UsageLog.seq >= low, UsageLog.seq < high)
    if wanted.statuses is not None:
        rows = rows.where(UsageLog.status.in_(wanted.statuses))
    if wanted.alias is not None:
        rows = rows.where(UsageLog.alias_served == wanted.alias)
    rows = rows.order_by(UsageLog.seq.desc() if newest_first else UsageLog.seq).limit(at_most)
    return storage.read(lambda connection: [UsedRequest(*row) for row in connection.execute(rows)])
