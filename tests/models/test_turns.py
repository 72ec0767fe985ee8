"""Waiting in memory for a turn."""

from __future__ import annotations

import threading

import pytest

from models.turns import NoTurn, Turns


def test_one_at_a_time_has_the_turn_of_a_key_and_nothing_is_kept_of_it() -> None:
    turns, at_once, most = Turns(), 0, 0

    def use() -> None:
        nonlocal at_once, most
        for _ in range(200):
            with turns.take("a", 5):
                at_once += 1
                most = max(most, at_once)
                at_once -= 1

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert len(turns) == 0


def test_turn_that_does_not_come_in_time_is_told_and_other_keys_are_free() -> None:
    turns = Turns()
    with turns.take("a", 5):
        with turns.take("b", 0.01):
            assert len(turns) == 2
        with pytest.raises(NoTurn), turns.take("a", 0.01):
            pass
        assert len(turns) == 1
    assert len(turns) == 0
