"""Fair share: however much one account asks at once, the others are served as if it asked little.

A worker is one event loop, and a request is served in pieces, between its waits. Of everybody's requests that have
come, one of each account is taken up in one turn of the loop; those of an account beyond that wait in its line, and
the loop looks at everybody else's sockets between any two of them. So an account with sixty-four connections gets
no more of the worker than one with one, wherever others ask too; where nobody else does, it gets all of it.

What waits for its upstream stands in no line, and a request that is refused was taken up like any other: a flood of
refusals is as fair.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Any

import gevent
from gevent.hub import Waiter

from .client_watch import ClientGone, has_left
from .errors import TooManyWaiting

MOST_WAITING = 5_000
"""Of one account in one worker: half of the connections that a worker takes, some seconds of its work."""


class FairShare:
    """Who has been taken up in this turn of the loop, and who waits for a later one."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._turn = -1
        self._taken_up: set[Hashable] = set()
        self._lines: dict[Hashable, deque[_Waiting]] = {}
        self._every_turn: Any = None

    def take_up(self, account: Hashable, client: Any = None) -> None:
        """Return when a request of the account may go on: at once, if it is the first one of this turn.

        ``client`` is the socket of whoever waits for the answer, if there is one.

        Raises:
            TooManyWaiting: the account's line is full.
            ClientGone: the client had left when its turn came.
        """
        turn = gevent.get_hub().loop.iteration
        if turn != self._turn:
            self._turn = turn
            self._taken_up.clear()
        if account not in self._taken_up and account not in self._lines:
            self._taken_up.add(account)
            return
        self._wait(account, client)

    def waiting(self, account: Hashable) -> int:
        """How many requests of the account stand in line."""
        return len(self._lines.get(account, ()))

    def _wait(self, account: Hashable, client: Any) -> None:
        line = self._lines.setdefault(account, deque())
        if len(line) >= MOST_WAITING:
            raise TooManyWaiting
        waiting = _Waiting(client)
        line.append(waiting)
        if self._every_turn is None:
            loop = gevent.get_hub().loop
            # Runs before anything else of each turn, and the loop does not sleep while it is there.
            self._every_turn = loop.idle(priority=loop.MAXPRI)
            self._every_turn.start(self._take_up_next)
        waiting.wait()

    def _take_up_next(self) -> None:
        """Let one of each line go on; runs in the loop's own greenlet."""
        self._turn = gevent.get_hub().loop.iteration
        self._taken_up = set(self._lines)
        for account, line in list(self._lines.items()):
            while line and not line.popleft().go_on():
                pass
            if not line:
                del self._lines[account]
        if not self._lines:
            self._every_turn.stop()
            self._every_turn.close()
            self._every_turn = None


class _Waiting:
    """A request in its line."""

    __slots__ = ("_client", "_waiter")

    def __init__(self, client: Any) -> None:
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
