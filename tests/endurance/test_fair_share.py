"""Each account has one piece of a turn of the event loop, or a little time of it, and rests after long pieces."""

from __future__ import annotations

import gc
import socket
import time
from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent import socket as gevent_socket

from blueprints.api_v1 import fair_share
from blueprints.api_v1.client_watch import ClientGone
from blueprints.api_v1.errors import TooManyWaiting
from blueprints.api_v1.fair_share import FairShare, most_of_a_worker


@pytest.fixture(autouse=True)
def no_garbage_collection() -> Iterator[None]:
    """One of a large test process takes longer than a piece may, and its account would rest."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def one_piece_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_share, "TURN_S", 1e-9)


def work_for(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def all_of(work: Callable[[], None], count: int) -> list[gevent.Greenlet[..., None]]:
    return [gevent.spawn(work) for _ in range(count)]


def test_accounts_take_turns_however_many_requests_one_of_them_has() -> None:
    share, served = FairShare(), []

    def ask(account: str) -> None:
        share.take_up(account)
        served.append(account)

    crowd = all_of(lambda: ask("flood"), 60) + all_of(lambda: ask("other"), 3) + all_of(lambda: ask("third"), 2)
    gevent.joinall(crowd, timeout=10)
    assert len(served) == 65
    assert sorted(served[:12])[-5:] == ["other"] * 3 + ["third"] * 2, "not behind sixty others"
    assert share.waiting("flood") == 0


def test_who_comes_while_another_account_floods_is_taken_up_at_once() -> None:
    share, taken = FairShare(), []

    def flood() -> None:
        for _ in range(5):
            share.take_up("flood")

    crowd = all_of(flood, 40)
    gevent.sleep(0)
    before = share.waiting("flood")
    share.take_up("other")
    taken.append(before - share.waiting("flood"))
    gevent.joinall(crowd, timeout=10)
    assert before > 30
    assert taken == [0], "nobody went first"


def test_requests_of_one_account_are_taken_up_in_the_order_in_which_they_came() -> None:
    share, served = FairShare(), []

    def ask(number: int) -> None:
        share.take_up("flood")
        served.append(number)

    gevent.joinall([gevent.spawn(ask, number) for number in range(50)], timeout=10)
    assert served == list(range(50))


def test_between_two_of_an_account_the_loop_looks_at_everybody_elses_sockets() -> None:
    share = FairShare()
    ours, theirs = gevent_socket.socketpair()
    order = []

    def flood(number: int) -> None:
        share.take_up("flood")
        order.append("flood")
        if number == 3:
            theirs.send(b"x")

    def other() -> None:
        ours.recv(1)
        order.append("other")

    waiting = gevent.spawn(other)
    gevent.sleep(0)
    gevent.joinall([waiting, *(gevent.spawn(flood, number) for number in range(40))], timeout=10)
    ours.close()
    theirs.close()
    assert order.index("other") == 4, "it comes before the next one of those that stood in line already"


def test_who_left_the_line_costs_the_others_no_turn() -> None:
    share = FairShare()
    served: list[bool] = []
    gone: list[bool] = []
    here, client = socket.socketpair()

    def leave() -> None:
        try:
            share.take_up("flood", here)
        except ClientGone:
            gone.append(True)

    def stay() -> None:
        share.take_up("flood")
        served.append(True)

    share.take_up("flood")
    left = gevent.spawn(leave)
    stays = gevent.spawn(stay)
    gevent.sleep(0)
    assert share.waiting("flood") == 2
    client.close()
    gevent.joinall([left, stays], timeout=10)
    here.close()
    assert (gone, served) == ([True], [True])


def test_one_that_is_ended_while_it_waits_holds_nobody_up() -> None:
    share = FairShare()
    served: list[bool] = []

    def stay() -> None:
        share.take_up("flood")
        served.append(True)

    share.take_up("flood")
    ended = gevent.spawn(share.take_up, "flood")
    stays = gevent.spawn(stay)
    gevent.sleep(0)
    ended.kill(block=False)
    gevent.joinall([ended, stays], timeout=10)
    assert served == [True]


def test_account_that_has_long_been_alone_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_share, "ALONE_S", 0.0)
    share = FairShare()
    share.take_up("other")
    share.take_up("flood")
    for _ in range(20):
        share.take_up("flood")
    assert share.waiting("flood") == 0


def test_line_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_share, "MOST_WAITING", 3)
    share = FairShare()
    share.take_up("flood")
    waiting = all_of(lambda: share.take_up("flood"), 3)
    gevent.sleep(0)
    with pytest.raises(TooManyWaiting):
        share.take_up("flood")
    share.take_up("other")
    gevent.joinall(waiting, timeout=10)
    assert all(each.successful() for each in waiting)


def test_pieces_that_take_little_share_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_share, "TURN_S", 0.05)
    share, loop = FairShare(), gevent.get_hub().loop
    turns: list[int] = []

    def go_on(work_s: float) -> None:
        share.of("flood")()
        turns.append(loop.iteration)
        work_for(work_s)

    gevent.joinall([gevent.spawn(go_on, 0.0) for _ in range(20)], timeout=10)
    assert len(turns) == 20
    assert len(set(turns)) <= 3, "the first at once, the others in the next turn"
    turns.clear()
    gevent.joinall([gevent.spawn(go_on, 0.06) for _ in range(4)], timeout=10)
    assert len(set(turns)) == 4, "one a turn"


def long_pieces(share: FairShare, count: int, *, is_large: bool = False) -> list[float]:
    """Begin so many pieces of 10 ms, and wait for their ends; gives when each began."""
    began: list[float] = []

    def ask() -> None:
        share.take_up("flood", is_large=is_large)
        began.append(time.monotonic())
        work_for(0.01)

    gevent.joinall(all_of(ask, count), timeout=10)
    assert len(began) == count
    return began


def test_account_rests_after_a_piece_that_took_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_share, "RESTS", 10)
    share, loop = FairShare(), gevent.get_hub().loop
    share.take_up("other")
    before = loop.iteration
    _, second, third, fourth = long_pieces(share, 4)
    assert third - second > 0.08, "the first was at once, and is not measured"
    assert fourth - third > 0.08
    assert loop.iteration - before < 40, "the loop sleeps meanwhile"
    asked = time.monotonic()
    share.take_up("other")
    assert time.monotonic() - asked < 0.05, "another account waits for none of it"
    share.take_up("flood")
    assert time.monotonic() - fourth > 0.08, "its line is empty, and it rests"
    assert share.waiting("flood") == 0


def test_account_beside_others_leaves_time_where_workers_could_fill_the_cores() -> None:
    assert [most_of_a_worker(workers, 2) for workers in (1, 2, 4)] == [1.0, 0.6, 0.3]

    share = FairShare(0.25)
    share.take_up("other")
    began = time.monotonic()

    def ask() -> None:
        share.take_up("flood")
        work_for(0.0015)

    gevent.joinall(all_of(ask, 40), timeout=10)
    assert time.monotonic() - began > 0.15, "38 rests of 4.5 ms, however busy the machine is"


def test_account_keeps_a_part_of_each_of_many_workers() -> None:
    assert most_of_a_worker(1024, 2) == fair_share.LEAST_OF_A_WORKER
    share = FairShare(fair_share.LEAST_OF_A_WORKER)
    share.take_up("other")
    began = time.monotonic()
    long_pieces(share, 5)
    assert time.monotonic() - began < 2, "50 ms of work beside others"


def test_no_rest_takes_longer_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_share, "LONGEST_REST_S", 0.1)
    monkeypatch.setattr(fair_share, "RESTS", 1000)
    share = FairShare()
    share.take_up("other")
    _, second, third = long_pieces(share, 3)
    assert 0.09 < third - second < 1


def test_large_requests_are_measured_also_where_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_share, "RESTS", 10)
    share = FairShare()
    for _ in range(2):
        [began] = long_pieces(share, 1, is_large=True)
    asked = time.monotonic()
    share.take_up("flood")
    assert time.monotonic() - began > 0.08
    assert time.monotonic() - asked > 0.05


def test_nobody_rests_where_an_account_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    share = FairShare()
    waiting = all_of(lambda: share.take_up("flood"), 2)
    gevent.sleep(0)
    assert share.waiting("flood") == 1
    monkeypatch.setattr(fair_share, "RESTS", 1000)
    monkeypatch.setattr(fair_share, "ALONE_S", 0.0)
    share.take_up("other")
    began = long_pieces(share, 4)
    assert began[-1] - began[0] < 2
    gevent.joinall(waiting, timeout=10)


def test_answers_and_events_pass_also_where_the_line_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_share, "MOST_WAITING", 3)
    share = FairShare()
    further = [gevent.spawn(share.of("flood")) for _ in range(20)]
    gevent.joinall(further, timeout=10)
    assert all(each.successful() for each in further)


def test_nothing_runs_on_when_nobody_waits() -> None:
    share = FairShare()
    gevent.joinall(all_of(lambda: share.take_up("flood"), 5), timeout=10)
    loop = gevent.get_hub().loop
    before = loop.iteration
    gevent.sleep(0.1)
    assert loop.iteration - before < 20, "the loop sleeps again"


def test_clients_that_have_left_are_sent_away_in_turns_too() -> None:
    share, away = FairShare(), []
    loop = gevent.get_hub().loop
    ours, theirs = gevent_socket.socketpair()

    def ask() -> None:
        try:
            share.take_up("flood", ours)
        except ClientGone:
            away.append(loop.iteration)

    share.take_up("flood")
    crowd = all_of(ask, 100)
    theirs.close()
    gevent.joinall(crowd, timeout=10)
    ours.close()
    assert len(away) == 100
    assert len(set(away)) == len(away)
    assert share.waiting("flood") == 0
