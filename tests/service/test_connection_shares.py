"""The numbers by which workers leave connections to each other."""

from __future__ import annotations

import os

import pytest

from service.process.connection_shares import ConnectionShares, Share


def accepting(shares: ConnectionShares, age: int, connections: int = 0) -> Share:
    share = shares.of_worker(age)
    assert share is not None
    share.accept()
    for _ in range(connections):
        share.opened()
    return share


@pytest.mark.parametrize(
    ("own", "others", "is_larger"),
    [
        (1, 0, False),
        (2, 0, True),
        (2, 1, False),
        (3, 1, True),
        (8, 6, False),
        (8, 5, True),
        (80, 61, False),
        (80, 59, True),
    ],
)
def test_whoever_holds_clearly_more_is_larger(own: int, others: int, is_larger: bool) -> None:
    shares = ConnectionShares(4)
    one, other = accepting(shares, 1, own), accepting(shares, 2, others)
    assert (one.is_larger(), other.is_larger()) == (is_larger, False)


def test_lone_worker_has_no_others_until_one_accepts() -> None:
    shares = ConnectionShares(4)
    one = accepting(shares, 1, 3)
    other = shares.of_worker(2)
    assert other is not None
    assert not one.has_others()
    other.accept()
    assert one.has_others()
    other.accept_none()
    assert not one.has_others()


def test_connection_that_has_gone_no_longer_counts() -> None:
    shares = ConnectionShares(4)
    one = accepting(shares, 1, 3)
    accepting(shares, 2, 1)
    assert one.is_larger()
    one.closed()
    assert not one.is_larger()


def test_nothing_is_left_to_a_worker_that_loads_or_ends() -> None:
    shares = ConnectionShares(4)
    one, loads = accepting(shares, 1, 2), shares.of_worker(2)
    assert loads is not None
    assert not one.is_larger()
    loads.accept()
    assert one.is_larger()
    loads.accept_none()
    loads.opened()  # from the socket's queue
    assert not one.is_larger()


def test_worker_that_ends_leaves_nothing_to_others() -> None:
    shares = ConnectionShares(4)
    ends, other = accepting(shares, 1, 3), accepting(shares, 2)
    ends.accept_none()
    assert not ends.is_larger()
    assert not other.is_larger()


def test_place_of_a_worker_that_was_killed_is_given_again() -> None:
    shares = ConnectionShares(2)
    one, killed = accepting(shares, 1, 2), accepting(shares, 2)
    assert shares.of_worker(3) is None, "there is no room"
    assert one.is_larger()
    shares.forget(2)
    assert not one.is_larger()
    new = accepting(shares, 3, 5)
    assert new.is_larger()
    killed.accept_none()  # the same place: it is dead, and cannot write
    shares.forget(2)  # told twice
    shares.forget(77)  # had no share


def test_places_of_workers_that_nobody_told_of_are_given_again() -> None:
    shares = ConnectionShares(2)
    one = accepting(shares, 1, 2)
    accepting(shares, 2)
    shares.keep({1})
    assert not one.is_larger()
    assert shares.of_worker(3) is not None
    assert shares.of_worker(4) is None, "the first one keeps its place"


def test_number_is_seen_in_another_process() -> None:
    shares = ConnectionShares(2)
    one, forked = accepting(shares, 1, 2), accepting(shares, 2)
    assert one.is_larger()
    pid = os.fork()
    if pid == 0:
        forked.opened()
        os._exit(0)
    os.waitpid(pid, 0)
    assert not one.is_larger()
