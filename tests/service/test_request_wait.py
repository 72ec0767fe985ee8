"""The waits for the heads of requests: bounded, cut short when a worker ends."""

from __future__ import annotations

import gevent
import gevent.event
import pytest

from service.process.waits import Waits

LONG_S = 5.0
MANY = 100


@pytest.fixture
def waits() -> Waits:
    return Waits(LONG_S, MANY)


def serve(waits: Waits, request_came: gevent.event.Event) -> str:
    """Wait for a request as a worker does, then answer it, which takes a moment."""
    came = False
    with waits:
        came = request_came.wait()
    if not came:
        return "closed"
    gevent.sleep(0.02)
    return "answered"


def test_connection_without_a_request_is_closed_when_its_time_is_over() -> None:
    waits = Waits(0.05, MANY)
    first = gevent.spawn(serve, waits, gevent.event.Event())
    gevent.sleep(0.03)
    second = gevent.spawn(serve, waits, gevent.event.Event())
    assert first.get(timeout=1) == "closed"
    assert not second.ready(), "its own time is not over"
    assert second.get(timeout=1) == "closed"
    assert len(waits) == 0


def test_time_begins_anew_with_each_wait() -> None:
    waits = Waits(0.1, MANY)

    def three() -> list[str]:
        answers = []
        for _ in range(3):
            came = gevent.event.Event()
            gevent.spawn_later(0.06, came.set)
            answers.append(serve(waits, came))
        return answers

    assert gevent.spawn(three).get(timeout=2) == ["answered"] * 3
    assert serve(waits, gevent.event.Event()) == "closed"


def test_connection_that_has_waited_longest_makes_room_for_the_next() -> None:
    waits = Waits(LONG_S, most=2)
    first, *others = [gevent.spawn(serve, waits, gevent.event.Event()) for _ in range(3)]
    assert first.get(timeout=1) == "closed"
    gevent.sleep(0.02)
    assert [each.ready() for each in others] == [False, False]
    gevent.killall(others)


def test_no_more_wait_than_may_also_where_many_begin_at_once() -> None:
    waits = Waits(LONG_S, most=2)
    begun = [gevent.spawn(serve, waits, gevent.event.Event()) for _ in range(10)]
    gevent.joinall(begun[:-2], timeout=1)
    assert [each.ready() for each in begun] == [True] * 8 + [False] * 2
    gevent.killall(begun)


def test_idle_connection_is_closed_when_waits_are_shortened(waits: Waits) -> None:
    begun = gevent.spawn(serve, waits, gevent.event.Event())
    gevent.sleep(0)
    assert len(waits) == 1
    waits.shorten(0.02)
    later = gevent.spawn(serve, waits, gevent.event.Event())
    assert [begun.get(timeout=1), later.get(timeout=1)] == ["closed", "closed"]
    assert len(waits) == 0


def test_request_that_comes_in_the_moment_of_the_end_is_answered(waits: Waits) -> None:
    request_came = gevent.event.Event()
    connection = gevent.spawn(serve, waits, request_came)
    gevent.sleep(0)
    gevent.get_hub().loop.run_callback(request_came.set)
    waits.shorten(0)
    assert connection.get(timeout=1) == "answered"


def test_what_fails_inside_a_wait_is_not_hidden(waits: Waits) -> None:
    with pytest.raises(OSError, match="reset"), waits:
        raise OSError("reset")
    assert len(waits) == 0


def test_wait_without_a_time_ends_by_itself_or_makes_room() -> None:
    waits = Waits(None, most=1)
    came = gevent.event.Event()
    first, second = gevent.spawn(serve, waits, gevent.event.Event()), gevent.spawn(serve, waits, came)
    assert first.get(timeout=1) == "closed"
    came.set()
    assert second.get(timeout=1) == "answered"
    assert len(waits) == 0
