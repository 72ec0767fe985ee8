"""Reading an upstream's body from its socket: chunked, with a length, or up to the connection's end."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from itertools import pairwise

import gevent
import gevent.socket
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprints.api_v1 import upstream_wire
from blueprints.api_v1.upstream_body import BodyCut, Silence, UpstreamBody
from blueprints.api_v1.upstream_head import HeadReader

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Wire:
    """Both ends of a connection whose header has been read on ours."""

    def __init__(self, first: bytes) -> None:
        ours, self.theirs = socket.socketpair()
        self.theirs.sendall(first)
        self.released = False
        head = HeadReader().feed(ours.recv(65536))
        assert head is not None
        self._socket = gevent.socket.socket(ours.family, ours.type, fileno=ours.detach())
        self._ours = upstream_wire.Wire(self._socket)
        self.body = UpstreamBody(self._ours, head, self._keep)

    def _keep(self, wire: upstream_wire.Wire) -> None:
        assert wire is self._ours
        self.released = True

    @property
    def closed(self) -> bool:
        return bool(self._socket.fileno() < 0)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self.theirs.close()

    def read_all_that_came(self) -> tuple[bytes, bool]:
        """What can be read without waiting, and whether that is the end."""
        got = b""
        try:
            while piece := self.body.read(0):
                got += piece
        except Silence:
            return got, False
        return got, True


def framed(chunks: list[bytes], trailer: bytes = b"") -> bytes:
    parts = [
        b"%x;name=value\r\n%s\r\n" % (len(chunk), chunk) if len(chunk) % 3 else b"%X\r\n%s\r\n" % (len(chunk), chunk)
        for chunk in chunks
        if chunk
    ]
    return b"".join(parts) + b"0\r\n" + trailer + b"\r\n"


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    cuts=st.lists(st.integers(0, 300), max_size=8),
    trailer=st.sampled_from([b"", b"X-More: 1\r\n"]),
)
@settings(max_examples=150, deadline=None)
def test_any_chunks_in_any_pieces_give_the_same_bytes_and_the_connection_back(
    chunks: list[bytes], cuts: list[int], trailer: bytes
) -> None:
    wire_bytes = framed(chunks, trailer)
    places = sorted({0, len(wire_bytes), *(cut for cut in cuts if cut < len(wire_bytes))})
    with Wire(CHUNKED) as wire:
        got, ended = b"", False
        for start, end in pairwise(places):
            assert not ended
            wire.theirs.sendall(wire_bytes[start:end])
            piece, ended = wire.read_all_that_came()
            got += piece
        assert ended
        assert got == b"".join(chunks)
        assert (wire.released, wire.closed) == (True, False)


@pytest.mark.parametrize(
    "broken",
    [b"zz\r\n", b"-5\r\nhello", b"0x5\r\nhello\r\n", b"+5\r\n", b"5 5\r\n", b"\r\n\r\n", b"5\r\nhelloworld\r\n",
     b"5" * 5000, b"1_0\r\n", b"FFFFFFFFFFFFFFFF\r\n"],
)  # fmt: skip
def test_broken_framing_is_a_cut_body(broken: bytes) -> None:
    with Wire(CHUNKED + b"3\r\nabc\r\n") as wire:
        wire.theirs.sendall(broken)
        wire.theirs.close()
        with pytest.raises(BodyCut):
            wire.body.read_all(1000)
        assert not wire.released


@pytest.mark.parametrize("head", [CHUNKED + b"9\r\nabc", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"])
def test_connection_that_ends_early_is_a_cut_body(head: bytes) -> None:
    with Wire(head) as wire:
        wire.theirs.close()
        assert wire.body.read(1) == b"abc"
        with pytest.raises(BodyCut):
            wire.body.read(1)


def test_body_with_a_length_ends_there_and_gives_the_connection_back() -> None:
    with Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel") as wire:
        assert wire.body.read(1) == b"hel"
        wire.theirs.sendall(b"lo")
        assert (wire.body.read(1), wire.body.read(1)) == (b"lo", b"")
        assert wire.released


def test_body_without_length_ends_with_its_connection() -> None:
    with Wire(b"HTTP/1.0 200 OK\r\n\r\nhel") as wire:
        wire.theirs.sendall(b"lo")
        wire.theirs.close()
        assert wire.body.read_all(100) == b"hello"
        assert (wire.released, wire.closed) == (False, True)


def test_what_has_come_is_there_at_once_and_silence_can_be_waited_out() -> None:
    with Wire(CHUNKED + b"3\r\nabc\r\n") as wire:
        assert wire.body.read(1) == b"abc"
        with pytest.raises(Silence):
            wire.body.read(0.01)
        wire.theirs.sendall(b"3\r\ndef\r\n")
        assert wire.body.read(1) == b"def"


@pytest.mark.parametrize("much", [b"3;" + b"a" * 5000 + b"\r\n", b"0\r\n" + b"A: b\r\n" * 5000])
def test_framing_without_an_end_is_given_up_though_more_comes(much: bytes) -> None:
    with Wire(CHUNKED + much[:9]) as wire:
        wire.theirs.sendall(much[9:])
        with pytest.raises(BodyCut):
            wire.read_all_that_came()


@pytest.mark.parametrize("status", [b"200 OK\r\nContent-Length: 0", b"204 No Content", b"304 Not Modified"])
def test_connection_that_says_more_than_an_empty_body_does_not_serve_again(status: bytes) -> None:
    with Wire(b"HTTP/1.1 " + status + b"\r\n\r\nHTTP") as wire:
        assert wire.body.read(0) == b""
        assert (wire.released, wire.closed) == (False, True)


def test_formal_end_that_has_come_is_taken_and_one_that_has_not_is_not_waited_for() -> None:
    with Wire(CHUNKED + b"3\r\nabc\r\n") as wire:
        wire.body.read(1)
        wire.body.take_end()
        assert not wire.released
        wire.theirs.sendall(b"0\r\n\r\n")
        wire.body.take_end()
        assert wire.released


def test_body_over_the_limit_is_given_up() -> None:
    with Wire(CHUNKED + b"5\r\nhello\r\n") as wire, pytest.raises(BodyCut):
        wire.body.read_all(4)


@pytest.mark.parametrize("start", [b"5;", b"0\r\nX-More: "], ids=["extension", "trailer"])
def test_framing_that_trickles_in_is_silence_in_its_time(start: bytes) -> None:
    with Wire(CHUNKED + b"3\r\nabc\r\n" + start) as wire:
        assert wire.body.read(1) == b"abc"
        done = threading.Event()

        def trickle() -> None:
            for _ in range(200):
                wire.theirs.sendall(b"a")
                if done.wait(0.01):
                    return

        trickling = threading.Thread(target=trickle)
        trickling.start()
        started = time.monotonic()
        try:
            with pytest.raises(Silence):
                wire.body.read(0.1)
        finally:
            taken = time.monotonic() - started
            done.set()
            trickling.join()
        assert 0.09 < taken < 1
        wire.theirs.sendall(b"\r\nhello\r\n" if start == b"5;" else b"\r\n\r\n")
        assert wire.body.read(1) == (b"hello" if start == b"5;" else b"")


def test_a_burst_goes_on_in_pieces_and_between_two_of_them_the_loop_looks_at_every_socket() -> None:
    turns: list[int] = []

    def drink(wire: Wire) -> None:
        while wire.body.read(1):
            turns.append(gevent.get_hub().loop.iteration)

    with contextlib.ExitStack() as open_wires:
        wires = [open_wires.enter_context(Wire(b"HTTP/1.1 200 OK\r\n\r\n")) for _ in range(3)]
        for wire in wires:
            wire.theirs.sendall(bytes(5 * upstream_wire.PIECE_BYTES))
            wire.theirs.close()
        gevent.joinall([gevent.spawn(drink, wire) for wire in wires], raise_error=True)
    assert len(turns) == 15
    assert max(Counter(turns).values()) <= len(wires)
