"""How much room an account's stored responses take, and making room: the oldest that have ended go first.

Each worker notes what it stores, and looks at an account once that is worth a look. So the bound may be exceeded
for a minute, and storing costs nothing more.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from .storage import Storage
from .stored_response import StoredResponse

READ_AT_ONCE = 500
WORTH_A_LOOK = 0.01  # of the bound, stored since the last look

_SIZE = sa.func.length(StoredResponse.input_items) + sa.func.length(StoredResponse.body)


def worth_a_look(storage: Storage, most: int) -> list[int]:
    """Return the accounts for which this process stored much since they were last returned."""
    stored = storage.stored_since_last_look
    accounts = [account_id for account_id, size in stored.items() if size >= most * WORTH_A_LOOK]
    for account_id in accounts:
        del stored[account_id]
    return accounts


def accounts_with_responses(storage: Storage) -> list[int]:
    """Return every account that has stored responses."""
    found: list[int] = []
    last = 0
    while True:
        after = sa.select(sa.func.min(StoredResponse.account_id)).where(StoredResponse.account_id > last)
        account_id = _scalar(storage, after)
        if account_id is None:
            return found
        last = account_id
        found.append(last)


def oldest_beyond(storage: Storage, account_id: int, most: int) -> int | None:
    """Return the id of the newest response that does not fit into ``most`` bytes; None where all fit."""
    used = 0
    before: int | None = None
    while True:
        page = sa.select(StoredResponse.id, _SIZE).where(StoredResponse.account_id == account_id)
        if before is not None:
            page = page.where(StoredResponse.id < before)
        rows = _rows(storage, page.order_by(StoredResponse.id.desc()).limit(READ_AT_ONCE))
        for stored_id, size in rows:
            used += size
            if used > most:
                return int(stored_id)
        if len(rows) < READ_AT_ONCE:
            return None
        before = rows[-1][0]


def forget_up_to(storage: Storage, account_id: int, stored_id: int, at_most: int) -> int:
    """Delete an account's oldest responses, a bounded number at once, none that is running; return how many."""
    old = (
        sa.select(StoredResponse.id)
        .where(
            StoredResponse.account_id == account_id, StoredResponse.id <= stored_id, StoredResponse.owner_id.is_(None)
        )
        .order_by(StoredResponse.id)
        .limit(at_most)
    )

    def delete(connection: sa.Connection) -> int:
        ids = list(connection.scalars(old))
        if ids:
            connection.execute(sa.delete(StoredResponse).where(StoredResponse.id.in_(ids)))
        return len(ids)

    return storage.write(delete)


def _scalar(storage: Storage, wanted: Any) -> Any:
    return storage.read(lambda connection: connection.scalar(wanted))


def _rows(storage: Storage, wanted: Any) -> list[Any]:
    return storage.read(lambda connection: list(connection.execute(wanted)))
