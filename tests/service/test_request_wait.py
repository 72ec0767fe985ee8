"""The wait for a connection's next request, which a worker that ends cuts short."""

from __future__ import annotations

import gevent
import gevent.event
import pytest

from service.process.gateway_worker import _Wait

SECONDS = 5.0


@pytest.fixture
def waiting() -> set[_Wait]:
    return set()


def serve(waiting: set[_Wait], request_came: gevent.event.Event) -> str:
    """Wait for a request as gunicorn does, then answer it, which takes a moment."""
    came = False
    with _Wait(waiting, SECONDS):
        came = request_came.wait()
    if not came:
        return "closed"
    gevent.sleep(0.02)
    return "answered"


def test_idle_connection_is_closed_when_the_wait_is_ended(waiting: set[_Wait]) -> None:
    connection = gevent.spawn(serve, waiting, gevent.event.Event())
    gevent.sleep(0)
    [wait] = waiting
    wait.end()
    assert connection.get(timeout=1) == "closed"
    assert not waiting


def test_request_that_comes_in_the_moment_of_the_end_is_answered(waiting: set[_Wait]) -> None:
    request_came = gevent.event.Event()
    connection = gevent.spawn(serve, waiting, request_came)
    gevent.sleep(0)
    [wait] = waiting
    request_came.set()  # whoever waits is told in the next turn of the loop, before what follows has its effect
    wait.end()
    assert connection.get(timeout=1) == "answered"
