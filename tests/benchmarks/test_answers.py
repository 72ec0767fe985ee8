"""What the benchmarks call a wrong answer, and when an event came."""

from __future__ import annotations

import pytest

from benchmarks.answers import RESPONSES, STREAM, WHOLE, Expected, check, words_of
from benchmarks.exchange import Exchange
from benchmarks.reading import Reading
from benchmarks.stream_events import events
from tests.benchmarks.exchanges import ALIAS, CHAT, DONE, USAGE, chunk, chunked, data, received, responses, whole

JSON = Expected(words=2, alias=ALIAS, kind=WHOLE)
SSE = Expected(words=2, alias=ALIAS, kind=STREAM)
OF_RESPONSES = Expected(words=2, alias=ALIAS, kind=RESPONSES)


def test_a_right_whole_answer_tells_its_tokens() -> None:
    assert check(whole(), JSON) == Reading(2)


@pytest.mark.parametrize(("body", "expected"), [(CHAT, SSE), (responses(), OF_RESPONSES)])
def test_a_right_stream_tells_its_tokens_however_it_was_cut(body: list[bytes], expected: Expected) -> None:
    raw = chunked(body)
    assert {check(received(raw, step), expected) for step in (1, 7, len(raw))} == {Reading(2)}


def test_events_cut_by_chunk_borders_are_put_together() -> None:
    body = b"".join(CHAT)
    pieces = [body[place : place + 5] for place in range(0, len(body), 5)]
    assert check(received(chunked(pieces)), SSE) == Reading(2)


@pytest.mark.parametrize(
    ("exchange", "expected", "fault"),
    [
        (whole(id="chatcmpl-bench-backend-7"), JSON, "upstream's name let through"),
        (whole(model="another"), JSON, "model is not the alias"),
        (whole(usage=None), JSON, "answer without usage"),
        (whole(usage={"completion_tokens": 3}), JSON, "other usage than the upstream's"),
        (received(chunked([*CHAT[:4], DONE])), SSE, "answer without usage"),
        (received(chunked([*CHAT[:2], chunk({}), *CHAT[2:]])), SSE, "stream with other events than the upstream's"),
        (received(chunked([chunk({}, model="x"), *CHAT[1:]])), SSE, "model is not the alias"),
        (received(chunked(responses(model="x"))), OF_RESPONSES, "model is not the alias"),
        (received(chunked(responses(tokens=3))), OF_RESPONSES, "other usage than the upstream's"),
        (received(chunked(responses()[:-1])), OF_RESPONSES, "stream without [DONE]"),
    ],
)
def test_a_fault_of_an_answer_that_came_is_named(exchange: Exchange, expected: Expected, fault: str) -> None:
    reading = check(exchange, expected)
    assert reading.fatal is None
    assert fault in reading.faults


@pytest.mark.parametrize(
    ("exchange", "expected", "fault"),
    [
        (received(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"), JSON, "status 502"),
        (whole(choices=[]), JSON, "answer without model or text"),
        (received(chunked(CHAT[:-1])), SSE, "stream without [DONE]"),
        (received(chunked([*CHAT[:1], *CHAT[2:]])), SSE, "other text or end than the upstream's"),
        (received(chunked([CHAT[0], CHAT[2], CHAT[1], *CHAT[3:]])), SSE, "other text or end than the upstream's"),
        (received(chunked([*CHAT[:3], *CHAT[4:]])), SSE, "other text or end than the upstream's"),
        (received(chunked([*CHAT, b"data: {"])), SSE, "stream that ends inside an event"),
        (received(chunked([b"data: {\n\n", DONE])), SSE, "broken JSON"),
        (received(chunked(responses()[:-2])), OF_RESPONSES, "stream without response.completed"),
        (received(chunked(responses(text="w1 "))), OF_RESPONSES, "other text than the upstream's"),
    ],
)
def test_an_answer_that_the_caller_did_not_get_is_told_apart(
    exchange: Exchange, expected: Expected, fault: str
) -> None:
    assert check(exchange, expected).fatal == fault


def test_a_connection_that_ended_early_is_no_answer() -> None:
    exchange = received(chunked(CHAT)[:-20])
    exchange.is_broken = True
    assert check(exchange, SSE).fatal == "connection closed before the end"


def test_an_answer_is_complete_with_its_last_byte_and_not_before() -> None:
    for raw in (chunked(CHAT), bytes(whole().raw)):
        exchange = Exchange(0, 0.0, 0.0)
        assert not exchange.take(raw[:-1], 1.0)
        assert exchange.take(raw[-1:], 2.0)


def test_an_event_came_when_its_last_byte_did() -> None:
    found = events(received(chunked(CHAT), step=1))
    raw, place = chunked(CHAT), 0
    for event, sent in zip(found, CHAT, strict=True):
        place = raw.index(sent, place) + len(sent)
        assert event.came_at == place - 1


def test_a_word_tells_when_it_came_and_when_it_was_due() -> None:
    usage = data({"model": ALIAS, "choices": [], "usage": USAGE})
    stream = [chunk({"content": "w1@0.500000 "}), chunk({"content": "w2@0.750000 "}), chunk({}, "stop"), usage, DONE]
    raw = chunked([chunk({"content": ""}), *stream])
    exchange = received(raw, step=1)
    assert check(exchange, SSE) == Reading(2)
    found = words_of(exchange, SSE)
    assert [word.due_at for word in found] == [0.5, 0.75]
    assert found[0].came_at == raw.index(stream[0]) + len(stream[0]) - 1
