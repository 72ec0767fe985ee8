"""Server-sent events: bytes to event data and back. Knows framing, not JSON.

Split bytes, not text: str.splitlines() also breaks at U+2028, which JSON strings may contain.
Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"
MAX_EVENT_BYTES = 16 * 1024 * 1024


class EventTooLong(Exception):
    """An event grew beyond ``MAX_EVENT_BYTES`` without an end."""


class EventSplitter:
    """Cuts a stream of bytes, in whatever pieces it comes, into the data of its events.

    Comments, ids and event names are dropped: the JSON says what an event is.
    """

    def __init__(self) -> None:
        """Begin at the start of a stream."""
        self._pieces: list[bytes] = []
        self._size = 0
        self._at_start = True

    def feed(self, piece: bytes) -> list[bytes]:
        """Take the next bytes; return the data of every event that they complete.

        Raises:
            EventTooLong: no event has ended for too many bytes.
        """
        # An event's end can only lie in the new piece or across its border, so what waits is joined only
        # when one is in sight: a long event in small pieces must not be searched again and again.
        self._pieces.append(piece)
        self._size += len(piece)
        border = self._pieces[-2][-3:] if len(self._pieces) > 1 else b""
        seam = border + piece
        if b"\n\n" not in seam and b"\r" not in seam:
            if self._size > MAX_EVENT_BYTES:
                raise EventTooLong
            return []
        return self._take(b"".join(self._pieces))

    def finish(self) -> list[bytes]:
        """Return the data of an event that the stream's end cut off before its blank line."""
        data = _data_of(b"".join(self._pieces).replace(b"\r\n", b"\n").replace(b"\r", b"\n").strip(b"\n"))
        self._pieces, self._size = [], 0
        return [] if data is None else [data]

    def _take(self, text: bytes) -> list[bytes]:
        held = b""
        if b"\r" in text:
            if text.endswith(b"\r"):  # perhaps the first half of CR LF
                text, held = text[:-1], b"\r"
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if self._at_start:
            self._at_start = False
            text = text.removeprefix(b"\xef\xbb\xbf")
        *events, rest = text.split(b"\n\n")
        rest += held
        if len(rest) > MAX_EVENT_BYTES:
            raise EventTooLong
        self._pieces, self._size = ([rest] if rest else []), len(rest)
        found = []
        for event in events:
            if event.startswith(b"data: ") and b"\n" not in event:
                found.append(event[6:])
                continue
            data = _data_of(event)
            if data is not None:
                found.append(data)
        return found


def encode(data: bytes) -> bytes:
    """Frame one event without a name."""
    return b"data: " + data + b"\n\n"


def _data_of(event: bytes) -> bytes | None:
    """Return the joined data lines of an event; None when it has none."""
    lines = []
    for line in event.split(b"\n"):
        name, _, value = line.partition(b":")
        if name == b"data":
            lines.append(value.removeprefix(b" "))
    return b"\n".join(lines) if lines else None
