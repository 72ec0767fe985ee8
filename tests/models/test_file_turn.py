"""Waiting in memory for the lock of a SQLite file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import gevent
import pytest
from gevent.thread import allocate_lock

from models.file_turn import FileTurn
from models.turns import NoTurn


@pytest.fixture
def turn(monkeypatch: pytest.MonkeyPatch) -> FileTurn:
    """One that greenlets wait for, as in a worker."""
    monkeypatch.setattr(threading, "Lock", allocate_lock)
    return FileTurn()


def writer(turn: FileTurn, came: list[str]) -> Callable[[str], None]:
    def write(account: str) -> None:
        turn.take(account, 5)
        came.append(account)
        turn.leave()

    return write


def test_one_at_a_time_has_the_turn() -> None:
    turn, at_once, most = FileTurn(), 0, 0

    def use() -> None:
        nonlocal at_once, most
        for _ in range(200):
            turn.take("a", 5)
            at_once += 1
            most = max(most, at_once)
            at_once -= 1
            turn.leave()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert len(turn) == 0


def test_account_that_waits_once_is_not_behind_one_that_waits_often(turn: FileTurn) -> None:
    came: list[str] = []
    turn.take("flood", 5)
    waiting = [gevent.spawn(writer(turn, came), each) for each in ["flood"] * 20 + ["other", "other", "third"]]
    gevent.sleep(0)
    turn.leave()
    gevent.joinall(waiting, timeout=5)
    assert came[:5] == ["flood", "other", "third", "flood", "other"]
    assert came.count("flood") == 20
    assert len(turn) == 0


def test_whoever_comes_while_the_lock_is_free_goes_before_those_who_are_still_to_wake(turn: FileTurn) -> None:
    came: list[str] = []
    write = writer(turn, came)
    turn.take("first", 5)
    waiting = [gevent.spawn(write, f"waits {number}") for number in range(3)]
    gevent.sleep(0)
    turn.leave()
    write("comes")
    gevent.joinall(waiting, timeout=5)
    assert came == ["comes", "waits 0", "waits 1", "waits 2"]


def test_whoever_wakes_and_finds_the_turn_taken_keeps_the_place(turn: FileTurn) -> None:
    came: list[str] = []
    turn.take("first", 5)
    waiting = [gevent.spawn(writer(turn, came), f"waits {number}") for number in range(3)]
    gevent.sleep(0)
    turn.leave()
    turn.take("comes", 5)
    gevent.sleep(0.01)
    assert came == []
    turn.leave()
    gevent.joinall(waiting, timeout=5)
    assert came == ["waits 0", "waits 1", "waits 2"]


def test_turn_that_does_not_come_in_time_is_told(turn: FileTurn) -> None:
    turn.take("a", 5)
    with pytest.raises(NoTurn):
        turn.take("b", 0.01)
    assert len(turn) == 0
    turn.leave()
    turn.take("a", 0.01)


@pytest.mark.parametrize("was_called", [False, True])
def test_whoever_is_killed_while_waiting_leaves_the_turn_to_the_others(turn: FileTurn, was_called: bool) -> None:
    came: list[str] = []
    turn.take("a", 5)
    killed = gevent.spawn(writer(turn, []), "a")
    other = gevent.spawn(writer(turn, came), "other")
    gevent.sleep(0)
    if was_called:
        turn.leave()
    killed.kill()
    if not was_called:
        turn.leave()
    other.join(timeout=5)
    assert came == ["other"]
    assert len(turn) == 0


def test_nobody_waits_for_long_however_many_come_in_between(turn: FileTurn) -> None:
    came: list[str] = []
    write = writer(turn, came)
    turn.take("flood", 5)
    waits = gevent.spawn(write, "other")
    gevent.sleep(0)
    turn.leave()
    until = time.monotonic() + 5
    while "other" not in came and time.monotonic() < until:
        write("flood")
        gevent.sleep(0)
    waits.join(timeout=1)
    assert came.index("other") <= 3
