"""Of what has come, one request of each account is taken up in a turn of the event loop."""

from __future__ import annotations

import socket
from collections.abc import Callable

import gevent
import pytest
from gevent import socket as gevent_socket

from blueprints.api_v1 import fair_share
from blueprints.api_v1.client_watch import ClientGone
from blueprints.api_v1.errors import TooManyWaiting
from blueprints.api_v1.fair_share import LARGE, SMALL, TURN, FairShare


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
    assert order.index("other") <= 6, "it was heard of in the turn after its byte came"


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


def test_events_are_small_a_whole_answer_is_large() -> None:
    share, served = FairShare(), []

    def go_on(size: int, count: int) -> None:
        further = share.of("flood", size)
        for _ in range(count):
            further()
            served.append(size)

    loop = gevent.get_hub().loop
    before = loop.iteration
    gevent.joinall([gevent.spawn(go_on, SMALL, TURN)], timeout=10)
    assert loop.iteration - before <= 2, "all in one turn"
    gevent.joinall([gevent.spawn(go_on, LARGE, 10)], timeout=10)
    assert loop.iteration - before >= 10, "one a turn"
    assert len(served) == TURN + 10


def test_answers_and_events_pass_also_where_the_line_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_share, "MOST_WAITING", 3)
    share = FairShare()
    further = [gevent.spawn(share.of("flood", LARGE)) for _ in range(20)]
    gevent.joinall(further, timeout=10)
    assert all(each.successful() for each in further)


def test_nothing_runs_on_when_nobody_waits() -> None:
    share = FairShare()
    gevent.joinall(all_of(lambda: share.take_up("flood"), 5), timeout=10)
    loop = gevent.get_hub().loop
    before = loop.iteration
    gevent.sleep(0.1)
    assert loop.iteration - before < 20, "the loop sleeps again"


def test_clients_that_have_left_are_sent_away_a_few_a_turn() -> None:
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
    assert len(away) > 90
    assert max(away.count(turn) for turn in away) <= TURN
    assert share.waiting("flood") == 0
