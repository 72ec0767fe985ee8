"""How many connections each worker of a master holds, in memory that all of them see.

The kernel gives a connection to whichever worker asks first: of sixteen that come at once, one worker may take fifteen,
and a core stand idle for as long as their clients keep them open. No lock: each worker writes its own number alone.
"""

from __future__ import annotations

import mmap
from collections.abc import Collection

SLIGHTLY, PART = 1, 4  # connections, and the part of a worker's own, by which it may be ahead
_BYTES = 8
_ACCEPTS_NONE = -1


class ConnectionShares:
    """The master's: gives each worker a place to write in."""

    def __init__(self, most: int) -> None:
        """Make room for ``most`` workers at a time, those that still end included."""
        self._held = memoryview(mmap.mmap(-1, most * _BYTES)).cast("q")  # shared with whatever is forked later
        self._ages: list[int | None] = [None] * most
        for place in range(most):
            self._held[place] = _ACCEPTS_NONE

    def of_worker(self, age: int) -> Share | None:
        """Return the share of a worker that is about to be forked; None where there is no room.

        ``age`` numbers the workers of this master.
        """
        if None not in self._ages:
            return None
        place = self._ages.index(None)
        self._ages[place] = age
        return Share(self._held, place)

    def forget(self, age: int) -> None:
        """Give the place of a worker that has ended to whoever comes next; nothing happens where it had none."""
        if age in self._ages:
            place = self._ages.index(age)
            self._ages[place] = None
            self._held[place] = _ACCEPTS_NONE

    def keep(self, ages: Collection[int]) -> None:
        """Forget all workers but those of ``ages``."""
        for age in self._ages:
            if age is not None and age not in ages:
                self.forget(age)


class Share:
    """A worker's: how many connections it holds, and whether another one that accepts holds clearly fewer."""

    def __init__(self, held: memoryview[int], place: int) -> None:
        """Write at ``place`` alone."""
        self._held, self._place = held, place
        self._own = 0
        self._accepts = False

    def accept(self) -> None:
        """Let the others know that this worker accepts connections from now on."""
        self._accepts = True
        self._tell()

    def accept_none(self) -> None:
        """Let the others leave nothing to this worker any more."""
        self._accepts = False
        self._tell()

    def opened(self) -> None:
        """Count one connection more."""
        self._own += 1
        self._tell()

    def closed(self) -> None:
        """Count one connection less."""
        self._own -= 1
        self._tell()

    def has_others(self) -> bool:
        """Tell whether another worker accepts connections."""
        return sum(held != _ACCEPTS_NONE for held in self._held) > self._accepts

    def is_larger(self) -> bool:
        """Tell whether another worker that accepts connections holds clearly fewer; never once this one accepts none.

        Where each request comes with a connection of its own, as from nginx, the numbers differ a little all the time:
        leaving a connection to a worker that is just busy would cost more than it evens out.
        """
        if not self._accepts or self._own <= SLIGHTLY:
            return False
        fewer = self._own - max(SLIGHTLY, self._own // PART)
        return any(0 <= held < fewer for held in self._held)

    def _tell(self) -> None:
        self._held[self._place] = self._own if self._accepts else _ACCEPTS_NONE
