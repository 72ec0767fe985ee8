"""Closings that the database refused."""

from __future__ import annotations

from functools import partial

import pytest

from models.storage import StorageUnavailable
from models.unfinished import Unfinished


def test_refused_closings_are_repeated_in_order_until_they_succeed() -> None:
    unfinished, is_away = Unfinished(), True
    done: list[int] = []

    def closing(number: int) -> None:
        if is_away:
            raise StorageUnavailable
        done.append(number)

    unfinished.add(partial(closing, 1))
    unfinished.add(partial(closing, 2))
    unfinished.repeat()
    assert (done, len(unfinished)) == ([], 2)
    is_away = False
    unfinished.repeat()
    assert (done, len(unfinished)) == ([1, 2], 0)


def test_closing_that_can_never_succeed_does_not_keep_the_others_waiting(caplog: pytest.LogCaptureFixture) -> None:
    unfinished = Unfinished()
    done: list[int] = []

    def broken() -> None:
        raise ValueError("no such thing")

    unfinished.add(broken)
    unfinished.add(lambda: done.append(1))
    unfinished.repeat()
    assert (done, len(unfinished)) == ([1], 0)
    assert "no such thing" in caplog.text
