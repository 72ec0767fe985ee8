"""Fair share: however much one account asks at once, the others are served as if it asked little.

A worker is one event loop, and a request is served in pieces, between its waits: from its arrival to the upstream,
each event of a stream, a whole answer from the upstream to the client. In one turn of the loop each account has one
piece, or as many as ``TURN_S`` holds; what it has beyond that waits in the account's line, and comes after everybody
else's sockets. So an account with sixty-four connections gets no more of the worker than one with one, wherever others
ask too. Nor do large requests get it more: after a piece that took long, its account rests for a while. Nor do several
workers on few cores: where they could fill them, the account rests after each piece, so that its lines in all of them
take ``MOST_OF_MACHINE`` and others' requests find a core free.
An account that has been alone for ``ALONE_S`` gets all of the worker, and nothing is measured.

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

from service.process.loop_turn import AtTurnsEnd

from .client_watch import ClientGone, has_left
from .errors import TooManyWaiting

TURN_S = 0.0005
"""An account's time of one turn, in processor time: an answer, or some events."""
LONG_S, RESTS = 0.002, 3
"""For what a piece takes beyond it, its account rests so many times as long: others' requests find the worker free."""
MOST_OF_MACHINE = 0.6
"""Of all its cores, what an account gets that asks beside others for as much as it can get."""
LEAST_OF_A_WORKER = 0.2
"""Where many workers share a core: an account's connections may all be one worker's, and its streams run on there."""
SHORTEST_REST_S, LONGEST_REST_S = 0.001, 1.0
"""The loop cannot sleep for less; shorter rests are added up. All streams of the account wait while it rests."""
ALONE_S = 5.0
"""Since another account's last piece. Whoever comes back after it may find one turn that was not shared."""
MOST_WAITING = 5_000
"""New requests of one account in one worker: half of the connections that it takes, some seconds of its work."""


class FairShare:
    """What each account has had of this turn of the loop, and who waits for a later one."""

    def __init__(self, most: float = 1.0) -> None:
        """Begin with nobody waiting; ``most`` is the share of this worker's time that an account gets beside others."""
        self._rest = 1 / most - 1  # for each second of work
        self._newest: Hashable = None
        self._alone_from = 0.0
        self._turn = -1
        self._had: set[Hashable] = set()
        self._lines: dict[Hashable, _Line] = {}
        self._each_turn = AtTurnsEnd(self._end_turn)
        self._alarm: Any = None

    def take_up(self, account: Hashable, client: Any = None, *, is_large: bool = False) -> None:
        """Return when a new request of the account may go on: at once, if it has had nothing of this turn.

        ``client`` is the socket of whoever waits for the answer, if there is one. What may take long stands in
        line in any case: there its time is measured.

        Raises:
            TooManyWaiting: the account's line is full.
            ClientGone: the client had left when its turn came.
        """
        if self._goes_first(account, is_large=is_large):
            return
        if self.waiting(account) >= MOST_WAITING:
            raise TooManyWaiting
        self._wait(account, _Waiting(client))

    def of(self, account: Hashable) -> Callable[[], None]:
        """Return what returns when a further piece of a request of the account may go on."""
        return partial(self._go_on, account)

    def waiting(self, account: Hashable) -> int:
        """How many pieces of the account stand in line."""
        line = self._lines.get(account)
        return len(line.waiting) if line else 0

    def _go_on(self, account: Hashable) -> None:
        if not self._goes_first(account):
            self._wait(account, _Waiting())

    def _goes_first(self, account: Hashable, *, is_large: bool = False) -> bool:
        now = time.monotonic()
        if account != self._newest:
            self._newest = account
            self._alone_from = now + ALONE_S
        elif now >= self._alone_from and not self._lines:
            return True
        self._look_at_turn()
        if is_large or account in self._had or account in self._lines:
            return False
        self._had.add(account)
        return True

    def _look_at_turn(self) -> None:
        turn = gevent.get_hub().loop.iteration
        if turn != self._turn:
            self._turn = turn
            self._had.clear()

    def _wait(self, account: Hashable, waiting: _Waiting) -> None:
        self._lines.setdefault(account, _Line()).waiting.append(waiting)
        self._wake()
        waiting.wait()

    def _end_turn(self) -> None:
        """Let the first of each line go on; runs in the loop's own greenlet."""
        self._look_at_turn()
        for account, line in list(self._lines.items()):
            now = time.monotonic()
            if now < line.rests_until or (account in self._had and line.waiting):
                continue
            self._had.add(account)
            took = line.go_on()
            if now < self._alone_from:
                line.owes += took * self._rest + max(0.0, took - LONG_S) * RESTS
            if line.owes >= SHORTEST_REST_S:
                line.rests_until = time.monotonic() + min(line.owes, LONGEST_REST_S)
                line.owes = 0.0
            elif not line.waiting:
                del self._lines[account]
        self._sleep()

    def _sleep(self) -> None:
        """Let the loop sleep unless a line may go on in its next turn."""
        now = time.monotonic()
        pause_s = min((line.rests_until for line in self._lines.values()), default=now) - now
        if self._lines and pause_s <= 0:
            return
        self._each_turn.off()
        if self._lines:
            self._alarm = gevent.get_hub().loop.timer(pause_s)
            self._alarm.start(self._wake)

    def _wake(self) -> None:
        if self._alarm is not None:
            self._alarm.stop()
            self._alarm.close()
            self._alarm = None
        self._each_turn.on()


def most_of_a_worker(workers: int, cores: int) -> float:
    """Return the share of each worker's time that comes to ``MOST_OF_MACHINE`` of all cores; 1: as much as there is.

    It is never less than ``LEAST_OF_A_WORKER``.
    """
    return min(1.0, max(LEAST_OF_A_WORKER, MOST_OF_MACHINE * cores / workers))


class _Line:
    """The pieces of one account that wait."""

    __slots__ = ("owes", "rests_until", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[_Waiting] = deque()
        self.owes = 0.0  # seconds of rest
        self.rests_until = 0.0

    def go_on(self) -> float:
        """Let the first go on, and others as long as there is time; return what they took."""
        began = time.thread_time()
        took = 0.0
        while self.waiting and took < TURN_S:
            self.waiting.popleft().go_on()
            took = time.thread_time() - began
        return took


class _Waiting:
    """A piece in its line."""

    __slots__ = ("_client", "_waiter")

    def __init__(self, client: Any = None) -> None:
        self._client = client
        self._waiter: Any = Waiter()

    def wait(self) -> None:
        try:
            self._waiter.get()
        finally:  # also where the worker ends it
            self._waiter = None

    def go_on(self) -> None:
        """Let it go on until its next wait, if it is still there."""
        if self._waiter is None:
            return
        if self._client is not None and has_left(self._client.fileno()):
            self._waiter.throw(ClientGone)
        else:
            self._waiter.switch(None)
