"""The load generator against the benchmarks' upstream: what it sends when, what it hands on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import pairwise

import pytest

from benchmarks import load
from benchmarks.answers import STREAM, WHOLE, Expected, check, words_of
from benchmarks.calls import chat, image
from benchmarks.load import LoadStalled, drive
from benchmarks.reading import Reading
from benchmarks.sources import Closed, Timed
from benchmarks.targets import DIRECT, Target

JSON = Expected(3, None, WHOLE)


def test_a_schedule_sends_each_request_when_it_is_due(direct: Target) -> None:
    schedule = Timed([chat(direct, "[[json 2]]")] * 4, gap_s=0.05, connections=4, delay_s=0.01)
    drive(direct.port, schedule)
    due = sorted(exchange.due_at for exchange in schedule.done)
    assert [round(later - first, 3) for first, later in pairwise(due)] == [0.05] * 3
    assert all(exchange.sent_at >= exchange.due_at for exchange in schedule.done)


def test_a_closed_loop_ends_with_every_request_answered(direct: Target) -> None:
    loop = Closed([chat(direct, "[[json 3]]")], connections=4, seconds=0.05)
    drive(direct.port, loop)
    assert len(loop.done) > 4
    assert {check(exchange, JSON) for exchange in loop.done} == {Reading(3)}


def test_two_sources_run_side_by_side(direct: Target) -> None:
    slow = Timed([chat(direct, "[[paced 3 20]]", stream=True)] * 2, gap_s=0.001, connections=2, is_lazy=True)
    loop = Closed([chat(direct, "[[json 3]]")], connections=2, seconds=0.05)
    begun: list[int] = []
    drive(direct.port, slow, loop, when_all_begun=lambda: begun.append(len(slow.done)))
    assert begun == [0]
    assert len(slow.done) == 2
    first, last = loop.done[0], loop.done[-1]
    assert first.sent_at < slow.done[0].ended_at
    assert last.ended_at > slow.done[0].sent_at


def test_paced_words_come_when_the_upstream_has_them_due(direct: Target) -> None:
    schedule = Timed([chat(direct, "[[paced 4 30]]", stream=True)], gap_s=0, connections=1)
    drive(direct.port, schedule)
    [exchange] = schedule.done
    expected = Expected(4, None, STREAM)
    assert check(exchange, expected) == Reading(4)
    found = words_of(exchange, expected)
    assert [round(later.due_at - first.due_at, 3) for first, later in pairwise(found)] == [0.03] * 3
    assert all(word.came_at >= word.due_at for word in found)


def test_a_body_of_megabytes_is_sent_and_read_whole(direct: Target) -> None:
    request = image(direct, "[[json 3]]", bytes(4_000_000))
    once = Timed([request], gap_s=0, connections=1)
    drive(direct.port, once)
    assert check(once.done[0], JSON) == Reading(3)


def test_the_upstream_reads_a_body_in_chunks_and_in_pieces(direct: Target) -> None:
    body = b'{"messages":[{"role":"user","content":"[[json 3]]"}]}'
    head = b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    request = head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    with socket.create_connection(("127.0.0.1", direct.port), timeout=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(0, len(request), 40):
            connection.sendall(request[place : place + 40])
        assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_the_upstream_refuses_what_it_does_not_know(direct: Target) -> None:
    once = Timed([chat(direct, "[[sing 3]]"), chat(direct, "nothing")], gap_s=0, connections=1)
    drive(direct.port, once)
    assert [check(exchange, JSON).fatal for exchange in once.done] == ["status 400"] * 2


@pytest.fixture
def silent() -> Iterator[Target]:
    """A server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Target(DIRECT, server.getsockname()[1], (), None)


def test_a_server_that_stops_answering_ends_the_load(silent: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "STALLED_S", 0.1)
    with pytest.raises(LoadStalled):
        drive(silent.port, Closed([chat(silent, "[[json 3]]")], connections=1, seconds=0.01))


def test_a_port_that_nobody_listens_on_ends_the_load(silent: Target) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(LoadStalled):
        drive(port, Closed([chat(silent, "[[json 3]]")], connections=1, seconds=0.01))
