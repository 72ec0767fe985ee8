"""Counters for rate limits in the memory of one worker, of which there are never more than a fixed number.

They are a storage that the ``limits`` library counts in, for what comes too often to be written to the database.
Its own storage in memory grows with the number of keys. All keys are to live equally long.
"""

from __future__ import annotations

import time
from collections import OrderedDict

from limits.storage import Storage as LimitsStorage


class BoundedCounters(LimitsStorage):
    """A storage of the ``limits`` library; when it is full, the key that was counted first is forgotten."""

    STORAGE_SCHEME = ["smartroute-memory"]  # noqa: RUF012  (how the library wants it)

    def __init__(self, most_keys: int) -> None:
        """Hold at most ``most_keys``, some 300 bytes each."""
        super().__init__("smartroute-memory://")
        self._most_keys = most_keys
        self._counters: OrderedDict[str, tuple[int, float]] = OrderedDict()  # the first to expire comes first

    def __len__(self) -> int:
        """Return how many keys are held."""
        return len(self._counters)

    @property
    def base_exceptions(self) -> type[Exception]:
        """What this storage raises when it cannot be reached."""
        return MemoryError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add ``amount`` to the key's counter, which lives ``expiry`` seconds; return the sum."""
        count, expires_at = self._living(key)
        if not count:
            self._counters.pop(key, None)  # to stand last
            while len(self._counters) >= self._most_keys:
                self._counters.popitem(last=False)
            expires_at = time.time() + expiry
        self._counters[key] = (count + amount, expires_at)
        return count + amount

    def get(self, key: str) -> int:
        """Return the key's counter; 0 when its window is over."""
        return self._living(key)[0]

    def get_expiry(self, key: str) -> float:
        """Return when the key's window ends, in Unix seconds."""
        return self._living(key)[1]

    def check(self) -> bool:
        """Tell whether the storage answers."""
        return True

    def clear(self, key: str) -> None:
        """Forget a key."""
        self._counters.pop(key, None)

    def reset(self) -> int:
        """Forget every key; return how many there were."""
        count = len(self._counters)
        self._counters.clear()
        return count

    def _living(self, key: str) -> tuple[int, float]:
        now = time.time()
        count, expires_at = self._counters.get(key, (0, now))
        return (count, expires_at) if expires_at > now else (0, now)
