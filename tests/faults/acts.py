"""The ways in which an upstream with an open port goes wrong, each for whole answers and streams, in both dialects."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

from tests.faults.backend import BEGUN, GOOD
from tests.faults.server import Act
from tests.faults.wire import Wire

LONG = "long " * 2_000_000
"""A text of 10 MB."""
_HTML = b"<!doctype html><title>leak</title><h1>502 leaky gateway</h1>"


def good(wire: Wire) -> None:
    """Answer rightly."""
    answer_with(wire, GOOD)


def answer_with(wire: Wire, text: str) -> None:
    """Answer rightly with a text, a stream in one piece."""
    backend = wire.backend
    if not wire.stream:
        wire.answer_json(backend.whole(text))
        return
    events = [*backend.opening, *backend.output(text), *backend.ending(text)]
    wire.answer(b"".join(backend.event(event) for event in events) + backend.terminator)


def refusing(status: int, **headers: str) -> Act:
    """Answer with an error in OpenAI's shape, in the backend's own words."""

    def act(wire: Wire) -> None:
        error = {"message": f"leak {status} of the backend", "type": "leak", "param": "leak", "code": "leak"}
        wire.answer_json({"error": error}, status, **headers)

    return act


def reset_before_headers(wire: Wire) -> None:
    """Not a word."""
    wire.reset()


def reset_after_headers(wire: Wire) -> None:
    """A header of success, and nothing of the body."""
    wire.head(length=None if wire.stream else 500)
    wire.pause(0.1)
    wire.reset()


def not_http(wire: Wire) -> None:
    """Another protocol altogether."""
    wire.send(b"220 leak.example ESMTP ready\r\n")
    wire.close()


def endless_headers(wire: Wire) -> None:
    """A header that goes on, line by line."""
    wire.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        wire.send(b"x-leak: leak\r\n")
        wire.pause(0.1)


def stalled_refusal(wire: Wire) -> None:
    """A failure whose body never comes."""
    wire.head(500, length=100)
    wire.hold()


def compressed(wire: Wire) -> None:
    """A right answer in a compression that nobody asked for."""
    wire.answer(gzip.compress(json.dumps(wire.backend.whole(GOOD)).encode()), Content_Encoding="gzip")


def broken_chunks(wire: Wire) -> None:
    """A chunk whose length is no number."""
    wire.head(Connection="close")
    wire.send(b"leak\r\n\r\n")
    wire.hold()


def line_without_end(wire: Wire) -> None:
    """More than anybody would keep of one event, and no end of it in sight; a whole answer breaks off there."""
    wire.head()
    wire.chunk(b'data: {"leak": "' if wire.stream else b'{"leak": "')
    for _ in range(18):
        wire.chunk(b"leak" * 250_000)
    if not wire.stream:
        wire.close()
    wire.hold()


def html(wire: Wire) -> None:
    """A page of some proxy, with status 200."""
    wire.answer(_HTML, content_type="text/html; charset=utf-8")


def empty_body(wire: Wire) -> None:
    """Nothing, with the right content type."""
    wire.answer(b"")


def mislabelled(wire: Wire) -> None:
    """The right body under a content type that is neither JSON nor an event stream."""
    backend = wire.backend
    events = [*backend.opening, *backend.output(GOOD), *backend.ending(GOOD)]
    stream = b"".join(backend.event(event) for event in events) + backend.terminator
    wire.answer(stream if wire.stream else json.dumps(backend.whole(GOOD)).encode(), content_type="text/plain")


def other_form(wire: Wire) -> None:
    """A stream where a whole answer was asked for, and the other way round."""
    wire.stream = not wire.stream
    good(wire)


def json_cut(wire: Wire) -> None:
    """JSON that ends in the middle while the HTTP around it is whole."""
    if wire.stream:
        first = wire.backend.event(wire.backend.output(GOOD)[0])
        wire.answer(first[: len(first) // 2] + b"\n\n")
    else:
        body = json.dumps(wire.backend.whole(GOOD)).encode()
        wire.answer(body[: len(body) // 2])


def before_output(then: Callable[[Wire], None]) -> Act:
    """Begin rightly, and do something before any output; of a whole answer some bytes come."""

    def act(wire: Wire) -> None:
        if wire.stream:
            wire.head()
            wire.events(*wire.backend.opening)
        else:
            _half_of_a_whole(wire)
        then(wire)

    return act


def after_output(then: Callable[[Wire], None]) -> Act:
    """Begin rightly, give output, and do something once the client has it; of a whole answer half has come."""

    def act(wire: Wire) -> None:
        if wire.stream:
            wire.head()
            wire.events(*wire.backend.opening, *wire.backend.output(BEGUN))
            wire.until_seen()
        else:
            _half_of_a_whole(wire)
        then(wire)

    return act


def error_before(wire: Wire) -> None:
    """Tell a failure inside an answer of status 200."""
    if not wire.stream:
        wire.answer_json(wire.backend.error[0])
        return
    wire.head()
    wire.events(*wire.backend.opening)
    wire.events(*wire.backend.error)
    wire.end()


def error_after(wire: Wire) -> None:
    """Tell a failure once output has left; of a whole answer the beginning is there, and that it failed."""
    if not wire.stream:
        wire.answer_json(wire.backend.whole_failed)
        return
    wire.head()
    wire.events(*wire.backend.opening, *wire.backend.output(BEGUN))
    wire.until_seen()
    wire.events(*wire.backend.error)
    wire.end()


def empty_choices(wire: Wire) -> None:
    """An answer without any choice, ended as if that were fine."""
    if not wire.stream:
        wire.answer_json(wire.backend.without_choices)
        return
    wire.answer(wire.backend.event(wire.backend.without_choices) + wire.backend.terminator)


def only_reasoning(wire: Wire) -> None:
    """Reasoning, no word of an answer, and a normal end."""
    backend = wire.backend
    if wire.stream:
        wire.answer(b"".join(map(backend.event, backend.reasoning)) + backend.terminator)
    else:
        wire.answer_json(backend.whole_reasoning)


def long_line(wire: Wire) -> None:
    """A right answer of 10 MB in a single line."""
    answer_with(wire, LONG)


def end_early(wire: Wire) -> None:
    """End the connection in the middle."""
    wire.close()


def end_cleanly(wire: Wire) -> None:
    """End the body as HTTP wants it, without the answer's own end. Whole answers have a length: those are cut."""
    if wire.stream:
        wire.end()
    wire.close()


def stall(wire: Wire) -> None:
    """Never say another word."""
    wire.hold()


def comments_for_ever(wire: Wire) -> None:
    """Keep the connection busy with bytes that mean nothing; white space in the case of JSON."""
    while True:
        wire.chunk(b": leak keep-alive\n\n") if wire.stream else wire.send(b" ")
        wire.pause(0.05)


def empty_deltas_for_ever(wire: Wire) -> None:
    """Keep the connection busy with events that hold no output."""
    while True:
        wire.events(wire.backend.idle) if wire.stream else wire.send(b" ")
        wire.pause(0.05)


def _half_of_a_whole(wire: Wire) -> None:
    body = json.dumps(wire.backend.whole(BEGUN)).encode()
    wire.head(length=1_000_000)
    wire.send(body[: len(body) // 2])
