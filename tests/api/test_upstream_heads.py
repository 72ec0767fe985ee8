"""Heads of answers: what is understood although it is odd, and what is an error although it goes on."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprints.api_v1.errors import ContextTooLong, UpstreamError, UpstreamRefused, UpstreamTimeout
from blueprints.api_v1.upstream_head import MAX_HEAD_BYTES, BadHead, HeadReader
from tests.api.scripted_upstream import said, scripted_upstream
from tests.api.sender import KEY, Sender

OK = b"HTTP/1.1 200 OK\r\n"
END = b"Content-Length: 2\r\n\r\n{}"
CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        OK + END,
        b"HTTP/1.1 200\r\n" + END,
        b"HTTP/1.1 200 \xe9t\xe9\r\n" + END,
        (OK + b"X-A: 1\r\n" + END).replace(b"\r\n", b"\n"),
        OK + b"X-A: one\r\n two\r\n\tthree\r\n" + END,
        OK + b"Content-Length: 2\r\n" + END,
        OK + b"Content-Length: 2, 2\r\n\r\n{}",
        OK + b"Content-Length :  2 \r\n\r\n{}",
        OK + b"content-length:2\r\n\r\n{}",
        OK + b"X-Empty:\r\n" + END,
        OK + b"X-Odd: \xff\xfe caf\xc3\xa9 : \x7f\r\n" + END,
        OK + b"".join(b"X-%d: y\r\n" % number for number in range(99)) + END,
        OK + b"Transfer-Encoding: Chunked\r\n\r\n" + CHUNKS,
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 700\r\n\r\n" + CHUNKS,
        OK + b"Transfer-Encoding: identity\r\n" + END,
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + END,
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + OK + END,
    ],
    ids=[
        "plain", "no-reason", "reason-with-accents", "line-feeds", "folded", "length-twice", "length-listed-twice",
        "space-before-the-colon", "no-space", "empty", "odd-characters", "hundred", "chunked", "chunked-and-length",
        "identity", "continue", "interim",
    ],
)  # fmt: skip
def test_head_that_is_odd_but_clear_is_understood_however_it_comes(raw: bytes) -> None:
    with scripted_upstream(said(raw), said(*(bytes([byte]) for byte in raw))) as upstream:
        sender = Sender(upstream.base_url)
        assert (sender.send(), sender.send()) == ({}, {})


def test_body_without_a_length_ends_with_its_connection() -> None:
    with scripted_upstream(said(b"HTTP/1.0 200 OK\r\n\r\n{", b"}", then_close=True)) as upstream:
        assert Sender(upstream.base_url).send() == {}


@pytest.mark.parametrize(
    ("coding", "code", "kind"),
    [
        ("GZip", gzip.compress, ContextTooLong),
        ("deflate", zlib.compress, ContextTooLong),
        ("gzip", lambda text: gzip.compress(text)[:-12], ContextTooLong),
        ("gzip", lambda text: b"no gzip: " + text, UpstreamRefused),
        ("gzip", lambda text: gzip.compress(b" " * 10**7 + text), UpstreamRefused),
    ],
    ids=["gzip", "deflate", "cut", "none", "huge"],
)
def test_refusal_that_is_compressed_is_understood_as_far_as_it_can_be(
    coding: str, code: Callable[[bytes], bytes], kind: type[Exception]
) -> None:
    body = code(b"This model's maximum context length is 8192 tokens")
    head = b"HTTP/1.1 400 Bad Request\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n"
    with scripted_upstream(said(head % (coding.encode(), len(body)) + body)) as upstream:
        assert type(Sender(upstream.base_url).refusal()) is kind


NONE = {
    "other-protocol": b"SSH-2.0-OpenSSH_9.2 " + KEY.encode() + b"\r\n",
    "body-alone": b'{"error":"' + KEY.encode() + b'"}',
    "empty-line-first": b"\r\n" + OK + END,
    "version-2": b"HTTP/2 200 OK\r\n" + END,
    "version-0.9": b"HTTP/0.9 200 OK\r\n" + END,
    "no-status": b"HTTP/1.1 OK\r\n" + END,
    "status-of-two-digits": b"HTTP/1.1 20 OK\r\n" + END,
    "status-of-four-digits": b"HTTP/1.1 2000 OK\r\n" + END,
    "status-0": b"HTTP/1.1 000 OK\r\n" + END,
    "no-colon": OK + b"garbage " + KEY.encode() + b"\r\n" + END,
    "no-name": OK + b": x\r\n" + END,
    "space-in-a-name": OK + b"X A: x\r\n" + END,
    "folded-first": OK + b" X-A: x\r\n" + END,
    "nul-in-a-value": OK + b"X-A: a\0b\r\n" + END,
    "nul-in-a-name": OK + b"X\0A: b\r\n" + END,
    "bare-cr": OK + b"X-A: a\rTransfer-Encoding: chunked\r\n" + END,
    "two-lengths": OK + b"Content-Length: 3\r\n" + END,
    "two-lengths-in-one": OK + b"Content-Length: 2, 3\r\n\r\n{}",
    "length-below-0": OK + b"Content-Length: -2\r\n\r\n{}",
    "length-with-a-sign": OK + b"Content-Length: +2\r\n\r\n{}",
    "length-in-hex": OK + b"Content-Length: 0x2\r\n\r\n{}",
    "length-empty": OK + b"Content-Length:\r\n\r\n{}",
    "length-without-end": OK + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n{}",
    "other-coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKS,
    "chunked-twice": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "chunked-not-last": OK + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKS,
    "other-protocol-by-101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "too-many": OK + b"".join(b"X-%d: y\r\n" % number for number in range(101)) + END,
    "too-long": OK + b"X-A: " + b"y" * 100_000,
    "too-long-and-whole": OK + b"X-A: " + b"y" * 100_000 + b"\r\n" + END,
    "too-many-interim": b"HTTP/1.1 100 Continue\r\n\r\n" * 4000,
}


@pytest.mark.parametrize("raw", NONE.values(), ids=NONE.keys())
def test_head_that_is_none_is_an_error_at_once(raw: bytes) -> None:
    with scripted_upstream(said(raw)) as upstream:
        started = time.monotonic()
        error = Sender(upstream.base_url).refusal(wait_s=5)
        assert type(error) is UpstreamError
        assert time.monotonic() - started < 2
        upstream.wait_until_closed(1)


@pytest.mark.parametrize("raw", [OK[:5], OK, OK + b"Content-Length: 2\r\n"], ids=["status", "line", "headers"])
def test_connection_that_ends_in_the_head_is_an_error(raw: bytes) -> None:
    with scripted_upstream(said(raw, then_close=True)) as upstream:
        assert type(Sender(upstream.base_url).refusal()) is UpstreamError
        assert upstream.requests == 1


@pytest.mark.parametrize("head", [OK + END[:-2], OK + b"Transfer-Encoding: chunked\r\n\r\n"], ids=["length", "chunked"])
def test_connection_that_ends_behind_the_head_is_an_error(head: bytes) -> None:
    with scripted_upstream(said(head, then_close=True)) as upstream:
        assert type(Sender(upstream.base_url).refusal()) is UpstreamError


def test_head_that_drips_in_has_one_deadline() -> None:
    dripping = said(*(bytes([byte]) for byte in OK + b"X-A: " + b"y" * 100), pause_s=0.05)
    with scripted_upstream(dripping) as upstream:
        started = time.monotonic()
        assert type(Sender(upstream.base_url).refusal(wait_s=0.3)) is UpstreamTimeout
        assert time.monotonic() - started < 1.5


@given(st.lists(st.sampled_from([b"HTTP/1.1 200 OK", b"\r\n", b"\n", b"A: b", b" ", b":", b"\r", b"\0", b"1", b"x"])))
def test_whatever_comes_is_a_head_or_none_and_the_same_in_pieces(parts: list[bytes]) -> None:
    raw = b"HTTP/1.1 200 OK\r\n" + b"".join(parts)

    def told(pieces: list[bytes]) -> object:
        reader, head = HeadReader(), None
        try:
            for number, piece in enumerate(pieces):
                if (head := reader.feed(piece)) is not None:
                    return head._replace(rest=head.rest + b"".join(pieces[number + 1 :]))
        except BadHead:
            return "none"
        return None

    assert told([raw]) == told([raw[at : at + 1] for at in range(len(raw))])


def test_largest_head_is_one_of_the_size_that_is_told() -> None:
    def head(size: int) -> bytes:
        return OK + b"X-A: " + b"y" * (size - len(OK) - 9) + b"\r\n\r\n"

    assert HeadReader().feed(head(MAX_HEAD_BYTES)) is not None
    with pytest.raises(BadHead):
        HeadReader().feed(head(MAX_HEAD_BYTES + 1))
