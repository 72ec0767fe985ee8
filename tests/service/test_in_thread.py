"""Work in a thread: nobody leaves a thread alone with what is his."""

from __future__ import annotations

import threading

import gevent
import pytest

from service.process.in_thread import in_thread


def test_loop_goes_on_while_a_thread_works() -> None:
    goes_on = threading.Event()
    asked = gevent.spawn(in_thread, lambda: goes_on.wait(10))
    gevent.sleep(0.01)
    goes_on.set()
    assert asked.get(timeout=10) is True


def test_fault_of_the_work_is_its_callers() -> None:
    def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        in_thread(fail)


def test_whoever_is_killed_leaves_when_the_thread_has_ended() -> None:
    has_begun, may_end = threading.Event(), threading.Event()
    seen = []

    def work() -> None:
        has_begun.set()
        may_end.wait(10)
        seen.append("the thread has ended")

    def ask() -> None:
        try:
            in_thread(work)
        finally:
            seen.append("its caller has left")

    asked = gevent.spawn(ask)
    while not has_begun.is_set():
        gevent.sleep(0.001)
    for _ in range(2):
        asked.kill(block=False)
        gevent.sleep(0.01)
    assert seen == []
    may_end.set()
    asked.join(timeout=10)
    assert seen == ["the thread has ended", "its caller has left"]
