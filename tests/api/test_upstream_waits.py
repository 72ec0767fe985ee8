"""Waiting for an upstream's bytes: each wait ends in its own time, though one timer bounds them all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent import socket

from blueprints.api_v1.upstream_wire import PIECE_BYTES, Wire


@pytest.fixture
def ends() -> Iterator[tuple[Wire, Any]]:
    """A connection as the gateway has it, and the upstream's end of it."""
    ours, theirs = socket.socketpair()
    wire = Wire(ours)
    yield wire, theirs
    wire.close()
    theirs.close()


def waited_s(wire: Wire, timeout_s: float) -> float:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        wire.receive(timeout_s)
    return time.monotonic() - began


@pytest.mark.parametrize("waits_s", [(0.05, 0.2), (0.2, 0.05), (0.1, 0.1)], ids=str)
def test_a_wait_ends_in_its_own_time_after_one_of_another_length(
    ends: tuple[Wire, Any], waits_s: tuple[float, float]
) -> None:
    for limit_s in waits_s:
        assert limit_s <= waited_s(ends[0], limit_s) < limit_s + 0.5


def test_a_wait_is_as_long_as_told_though_the_timer_of_one_before_it_is_over_sooner(ends: tuple[Wire, Any]) -> None:
    wire, upstream = ends
    gevent.spawn_later(0.05, upstream.sendall, b"first")
    assert wire.receive(0.1) == b"first"
    assert 0.2 <= waited_s(wire, 0.2) < 0.7


def test_what_came_in_time_is_taken_though_the_worker_stood_still_until_the_wait_was_over(
    ends: tuple[Wire, Any],
) -> None:
    wire, upstream = ends

    def send_and_stand_still() -> None:
        upstream.sendall(b"in time")
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            pass

    gevent.spawn_later(0.01, send_and_stand_still)
    assert wire.receive(0.2) == b"in time"


def test_a_timer_that_finds_nobody_waiting_disturbs_nobody(ends: tuple[Wire, Any]) -> None:
    wire, upstream = ends
    upstream.sendall(b"first")
    assert wire.receive(0.02) == b"first"
    gevent.sleep(0.1)
    gevent.spawn_later(0.05, upstream.sendall, b"second")
    assert wire.receive(None) == b"second"


def test_a_look_without_a_wait_finds_what_came_and_else_tells_so_at_once(ends: tuple[Wire, Any]) -> None:
    wire, upstream = ends
    assert waited_s(wire, 0) < 0.1
    upstream.sendall(b"here")
    assert wire.receive(0) == b"here"


def test_more_than_a_piece_comes_whole_and_then_the_end(ends: tuple[Wire, Any]) -> None:
    wire, upstream = ends
    sent = bytes(3 * PIECE_BYTES)
    gevent.spawn(upstream.sendall, sent).link(lambda _: upstream.close())
    came = []
    while piece := wire.receive(5):
        came.append(piece)
    assert b"".join(came) == sent


def test_a_wait_that_is_given_up_leaves_the_connection_usable(ends: tuple[Wire, Any]) -> None:
    wire, upstream = ends
    with gevent.Timeout(0.05, False):
        wire.receive(10)
    upstream.sendall(b"late")
    assert wire.receive(1) == b"late"
