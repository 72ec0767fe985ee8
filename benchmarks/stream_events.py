"""Server-sent events cut out of an answer, each with the moment at which its last byte came."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from benchmarks.exchange import Exchange


class BrokenAnswer(Exception):
    """Bytes that are no chunked body, or no events; the text says in which way, in few words."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream: its data and when its last byte came."""

    data: bytes
    came_at: float


def body_of(exchange: Exchange) -> bytes:
    """Return the body without its chunks. Raises BrokenAnswer."""
    if exchange.size is not None:
        return bytes(exchange.raw[exchange.body_at :])
    return _dechunk(exchange)[0]


def datas(payload: bytes) -> list[bytes]:
    """Return the data of each event of a stream's body. Raises BrokenAnswer."""
    return [data for data, _ in _cut(payload)]


def events(exchange: Exchange) -> list[Event]:
    """Cut a chunked stream into its events. Raises BrokenAnswer."""
    payload, places = _dechunk(exchange)
    starts = [start for start, _ in places]
    sizes = [size for _, size in exchange.arrivals]
    found = []
    for data, last_byte in _cut(payload):
        chunk = bisect_left(starts, last_byte + 1) - 1
        raw_place = places[chunk][1] + last_byte - starts[chunk]
        found.append(Event(data, exchange.arrivals[bisect_left(sizes, raw_place + 1)][0]))
    return found


def _cut(payload: bytes) -> list[tuple[bytes, int]]:
    """The data of each event, and where its last byte is."""
    found = []
    place = 0
    while (end := payload.find(b"\n\n", place)) >= 0:
        event, last_byte = payload[place:end], end + 1
        place = end + 2
        if event.startswith(b":"):
            continue  # a comment
        if event.startswith(b"event: "):
            event = event[event.find(b"\n") + 1 :]
        if not event.startswith(b"data: "):
            raise BrokenAnswer("stream with a line that is no data")
        found.append((event[6:], last_byte))
    if place != len(payload):
        raise BrokenAnswer("stream that ends inside an event")
    return found


def _dechunk(exchange: Exchange) -> tuple[bytes, list[tuple[int, int]]]:
    """Return the body, and for each chunk where it begins in the body and in the raw bytes. Raises BrokenAnswer."""
    raw = exchange.raw
    place, length = exchange.body_at, 0
    pieces: list[bytes] = []
    places: list[tuple[int, int]] = []
    while True:
        line_end = raw.find(b"\r\n", place)
        try:
            size = int(raw[place:line_end], 16)
        except ValueError as error:
            raise BrokenAnswer("broken chunks") from error
        if size == 0:
            return b"".join(pieces), places
        start = line_end + 2
        pieces.append(bytes(raw[start : start + size]))
        places.append((length, start))
        length += size
        place = start + size + 2
