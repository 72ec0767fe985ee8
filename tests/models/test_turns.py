"""Waiting in memory for a turn."""

from __future__ import annotations

import threading
import time

import gevent
import pytest
from gevent.thread import allocate_lock

from models.turns import NoTurn, Turns


def test_one_at_a_time_has_the_turn_of_a_key_and_nothing_is_kept_of_it() -> None:
    turns, at_once, most = Turns(), 0, 0

    def use() -> None:
        nonlocal at_once, most
        for _ in range(200):
            turns.take("a", 5)
            at_once += 1
            most = max(most, at_once)
            at_once -= 1
            turns.leave("a")

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert len(turns) == 0


def test_turn_that_does_not_come_in_time_is_told_and_other_keys_are_free() -> None:
    turns = Turns()
    turns.take("a", 5)
    turns.take("b", 0.01)
    assert len(turns) == 2
    turns.leave("b")
    with pytest.raises(NoTurn):
        turns.take("a", 0.01)
    assert len(turns) == 1
    turns.leave("a")
    assert len(turns) == 0


def test_turns_come_in_the_order_of_asking() -> None:
    turns, came = Turns(), []

    def ask(name: int) -> None:
        turns.take("a", 5)
        came.append(name)
        turns.leave("a")

    turns.take("a", 5)
    waiting = [threading.Thread(target=ask, args=[name]) for name in range(5)]
    for thread in waiting:
        thread.start()
        time.sleep(0.02)
    turns.leave("a")
    for thread in waiting:
        thread.join()
    assert came == [0, 1, 2, 3, 4]


def test_whoever_is_killed_while_waiting_leaves_the_turn_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "Lock", allocate_lock)  # as in a worker, where greenlets wait
    turns = Turns()
    turns.take("a", 5)
    killed = gevent.spawn(turns.take, "a", 5)
    gevent.sleep(0)
    killed.kill()
    turns.leave("a")
    assert len(turns) == 0
