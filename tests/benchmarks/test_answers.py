"""What the benchmarks call a wrong answer, and when an event came."""

from __future__ import annotations

import json

import pytest

from benchmarks.answers import Expected, Wrong, check, events
from benchmarks.load import Exchange

WHOLE = Expected(words=2, alias="smart-route", is_stream=False)
STREAM = Expected(words=2, alias="smart-route", is_stream=True)


def whole(**changes: object) -> Exchange:
    choice = {"message": {"content": "w1 w2 "}, "finish_reason": "stop"}
    answer = {"model": "smart-route", "choices": [choice], "usage": {"completion_tokens": 2}, **changes}
    body = json.dumps(answer).encode()
    return received(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"delta": delta, "finish_reason": finish}
    return b"data: %b\n\n" % json.dumps({"model": "smart-route", "choices": [choice]}).encode()


USAGE = {"model": "smart-route", "choices": [], "usage": {"completion_tokens": 2}}
EVENTS = [
    chunk({"content": ""}),
    chunk({"content": "w1 "}),
    chunk({"content": "w2 "}),
    chunk({}, "stop"),
    b"data: %b\n\n" % json.dumps(USAGE).encode(),
    b"data: [DONE]\n\n",
]


def chunked(body: list[bytes]) -> bytes:
    pieces = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in body)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"


def received(raw: bytes, step: int = 10**6) -> Exchange:
    """The exchange after ``raw`` has come in pieces of ``step`` bytes, the n-th at n seconds."""
    exchange = Exchange(0, 0.0, 0.0)
    for second, place in enumerate(range(0, len(raw), step)):
        exchange.take(raw[place : place + step], float(second))
    return exchange


def test_a_right_whole_answer_tells_its_tokens() -> None:
    assert check(whole(), WHOLE) == 2


def test_a_right_stream_tells_its_tokens_however_it_was_cut() -> None:
    raw = chunked(EVENTS)
    assert {check(received(raw, step), STREAM) for step in (1, 7, len(raw))} == {2}


def test_events_cut_by_chunk_borders_are_put_together() -> None:
    body = b"".join(EVENTS)
    pieces = [body[place : place + 5] for place in range(0, len(body), 5)]
    assert check(received(chunked(pieces)), STREAM) == 2


@pytest.mark.parametrize(
    ("exchange", "expected", "fault"),
    [
        (whole(model="demo-model"), WHOLE, "upstream's name let through"),
        (whole(id="chatcmpl-demo-1"), WHOLE, "upstream's name let through"),
        (whole(model="another"), WHOLE, "model is not the alias"),
        (whole(usage=None), WHOLE, "answer without model, text or usage"),
        (whole(usage={"completion_tokens": 3}), WHOLE, "other text or usage than the upstream's"),
        (received(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"), WHOLE, "status 502"),
        (received(chunked(EVENTS[:-1])), STREAM, "stream without [DONE]"),
        (received(chunked(EVENTS[:1] + EVENTS[2:])), STREAM, "stream with other events than the upstream's"),
        (
            received(chunked([*EVENTS[:1], EVENTS[2], EVENTS[1], *EVENTS[3:]])),
            STREAM,
            "other text or usage than the upstream's",
        ),
        (received(chunked([*EVENTS, b"data: {"])), STREAM, "stream that ends inside an event"),
    ],
)
def test_a_wrong_answer_is_named(exchange: Exchange, expected: Expected, fault: str) -> None:
    with pytest.raises(Wrong) as wrong:
        check(exchange, expected)
    assert str(wrong.value) == fault


def test_a_connection_that_ended_early_is_wrong() -> None:
    exchange = received(chunked(EVENTS)[:-20])
    exchange.is_broken = True
    with pytest.raises(Wrong, match="connection closed before the end"):
        check(exchange, STREAM)


def test_an_answer_is_complete_with_its_last_byte_and_not_before() -> None:
    for raw in (chunked(EVENTS), bytes(whole().raw)):
        exchange = Exchange(0, 0.0, 0.0)
        assert not exchange.take(raw[:-1], 1.0)
        assert exchange.take(raw[-1:], 2.0)


def test_an_event_came_when_its_last_byte_did() -> None:
    found = events(received(chunked(EVENTS), step=1))
    raw, place = chunked(EVENTS), 0
    for event, data in zip(found, EVENTS, strict=True):
        place = raw.index(data, place) + len(data)
        assert event.came_at == place - 1
