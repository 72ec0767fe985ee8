"""Fair share: however much one account asks at once, the others are served as if it asked little.

A worker is one event loop, and a request is served in pieces, between its waits: from its arrival to the upstream,
each event of a stream, a whole answer from the upstream to the client. In one turn of the loop each account has one
large piece, or some small ones. What it has beyond that waits in the account's line, and between any two turns the
loop looks at everybody else's sockets. So an account with sixty-four connections gets no more of the worker than one
with one, wherever others ask too; an account that has been alone for ``ALONE_S`` gets all of it, and nobody is counted.

What waits for its upstream stands in no line, and a request that is refused was taken up like any other: a flood of
refusals is as fair.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import gevent
from gevent.hub import Waiter

from .client_watch import ClientGone, has_left
from .errors import TooManyWaiting

LARGE, SMALL = 8, 1
"""What a piece takes of an account's turn: a request or a whole answer, an event. An event takes about 0.1 ms."""
TURN = 8
ALONE_S = 5.0
"""Since another account's last piece. Whoever comes back after it may find one turn that was not shared."""
MOST_WAITING = 5_000
"""New requests of one account in one worker: half of the connections that it takes, some seconds of its work."""


class FairShare:
    """What each account has had of this turn of the loop, and who waits for a later one."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._newest: Hashable = None
        self._alone_from = 0.0
        self._turn = -1
        self._had: dict[Hashable, int] = {}
        self._lines: dict[Hashable, deque[_Waiting]] = {}
        self._every_turn: Any = None

    def take_up(self, account: Hashable, client: Any = None) -> None:
        """Return when a new request of the account may go on: at once, if it has had nothing of this turn.

        ``client`` is the socket of whoever waits for the answer, if there is one.

        Raises:
            TooManyWaiting: the account's line is full.
            ClientGone: the client had left when its turn came.
        """
        if self._has_room(account, LARGE):
            return
        if self.waiting(account) >= MOST_WAITING:
            raise TooManyWaiting
        self._wait(account, _Waiting(LARGE, client))

    def of(self, account: Hashable, size: int) -> Callable[[], None]:
        """Return what returns when a further piece of a request may go on; it is ``LARGE`` or ``SMALL``."""
        return partial(self._go_on, account, size)

    def waiting(self, account: Hashable) -> int:
        """How many pieces of the account stand in line."""
        return len(self._lines.get(account, ()))

    def _go_on(self, account: Hashable, size: int) -> None:
        if not self._has_room(account, size):
            self._wait(account, _Waiting(size))

    def _has_room(self, account: Hashable, size: int) -> bool:
        now = time.monotonic()
        if account != self._newest:
            self._newest = account
            self._alone_from = now + ALONE_S
        elif now >= self._alone_from and not self._lines:
            return True
        turn = gevent.get_hub().loop.iteration
        if turn != self._turn:
            self._turn = turn
            self._had.clear()
        had = self._had.get(account, 0)
        if had + size > TURN or account in self._lines:
            return False
        self._had[account] = had + size
        return True

    def _wait(self, account: Hashable, waiting: _Waiting) -> None:
        self._lines.setdefault(account, deque()).append(waiting)
        if self._every_turn is None:
            loop = gevent.get_hub().loop
            # Runs before anything else of each turn, and the loop does not sleep while it is there.
            self._every_turn = loop.idle(priority=loop.MAXPRI)
            self._every_turn.start(self._next_turn)
        waiting.wait()

    def _next_turn(self) -> None:
        """Let the first of each line go on; runs in the loop's own greenlet."""
        self._turn = gevent.get_hub().loop.iteration
        self._had.clear()
        for account, line in list(self._lines.items()):
            sent_away = 0  # which takes its time as well
            while line and sent_away < TURN and self._had.get(account, 0) + line[0].size <= TURN:
                first = line.popleft()
                self._had[account] = self._had.get(account, 0) + first.size
                if not first.go_on():
                    self._had[account] -= first.size
                    sent_away += 1
            if not line:
                del self._lines[account]
        if not self._lines:
            self._every_turn.stop()
            self._every_turn.close()
            self._every_turn = None


class _Waiting:
    """A piece in its line."""

    __slots__ = ("_client", "_waiter", "size")

    def __init__(self, size: int, client: Any = None) -> None:
        self.size = size
        self._client = client
        self._waiter: Any = Waiter()

    def wait(self) -> None:
        try:
            self._waiter.get()
        finally:  # also where the worker ends it
            self._waiter = None

    def go_on(self) -> bool:
        """Let it go on; tell whether it does."""
        if self._waiter is None:
            return False
        if self._client is not None and has_left(self._client.fileno()):
            self._waiter.throw(ClientGone)
            return False
        self._waiter.switch(None)
        return True
