"""Counters for rate limits, shared by all workers and machines through the database.

They are the storage that the ``limits`` library counts in; its strategies decide, this only adds up. Only a process
that counts something imports this, and with it the library, which is large.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

import sqlalchemy as sa
from limits.storage import Storage as LimitsStorage
from sqlalchemy.exc import IntegrityError

from .storage import Storage, StorageUnavailable
from .throttle import ThrottleCounter


class DatabaseCounters(LimitsStorage):
    """A storage of the ``limits`` library on the service's own database."""

    STORAGE_SCHEME = ["smartroute"]  # noqa: RUF012  (how the library wants it)

    def __init__(self, storage: Storage) -> None:
        """Count in ``storage``."""
        super().__init__("smartroute://")
        self._storage = storage

    @property
    def base_exceptions(self) -> type[Exception]:
        """What this storage raises when it cannot be reached."""
        return StorageUnavailable

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add ``amount`` to the key's counter, which lives ``expiry`` seconds; return the sum."""
        digest = _digest(key)

        def add(connection: sa.Connection) -> int:
            now = time.time()
            connection.execute(sa.delete(ThrottleCounter).where(ThrottleCounter.expires_at <= now))
            raised = (
                sa.update(ThrottleCounter)
                .where(ThrottleCounter.key_digest == digest)
                .values(tries=ThrottleCounter.tries + amount)
            )
            if connection.execute(raised).rowcount == 0:
                connection.execute(
                    sa.insert(ThrottleCounter).values(key_digest=digest, tries=amount, expires_at=now + expiry)
                )
                return amount
            return (
                connection.scalar(sa.select(ThrottleCounter.tries).where(ThrottleCounter.key_digest == digest))
                or amount
            )

        try:
            return self._storage.write(add)
        except IntegrityError:  # another worker inserted the same key between our two statements
            return self._storage.write(add)

    def get(self, key: str) -> int:
        """Return the key's counter; 0 when its window is over."""
        return int(self._living(key, ThrottleCounter.tries) or 0)

    def get_expiry(self, key: str) -> float:
        """Return when the key's window ends, in Unix seconds."""
        return float(self._living(key, ThrottleCounter.expires_at) or time.time())

    def check(self) -> bool:
        """Tell whether the storage answers."""
        return bool(self._storage.read(lambda connection: connection.scalar(sa.select(sa.literal(1)))))

    def clear(self, key: str) -> None:
        """Forget a key."""
        forgotten = sa.delete(ThrottleCounter).where(ThrottleCounter.key_digest == _digest(key))
        self._storage.write(lambda connection: connection.execute(forgotten))

    def reset(self) -> int:
        """Forget every key; return how many there were."""
        return self._storage.write(lambda connection: connection.execute(sa.delete(ThrottleCounter)).rowcount)

    def _living(self, key: str, column: Any) -> Any:
        wanted = sa.select(column).where(
            ThrottleCounter.key_digest == _digest(key), ThrottleCounter.expires_at > time.time()
        )
        return self._storage.read(lambda connection: connection.scalar(wanted))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
