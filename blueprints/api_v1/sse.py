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
        self._after_cr = False

    def feed(self, piece: bytes) -> list[bytes]:
        """Take the next bytes; return the data of every event that they complete.

        Raises:
            EventTooLong: no event has ended for too many bytes.
        """
        if piece and (self._after_cr or b"\r" in piece):
            piece = self._with_line_feeds(piece)
        if not piece:
            return []
        # An event's end can only lie in the new piece or across its border, so what waits is joined only
        # when one is in sight: a long event in small pieces must not be searched again and again.
        seam = self._pieces[-1][-1:] + piece if self._pieces else piece
        if b"\n\n" in seam:
            return self._take(b"".join([*self._pieces, piece]) if self._pieces else piece)
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > MAX_EVENT_BYTES:
            raise EventTooLong
        return []

    def finish(self) -> list[bytes]:
        """Return the data of a last event whose blank line is missing; half a line is no event."""
        if not self._pieces or not self._pieces[-1].endswith(b"\n"):
            return []
        return self._take(b"".join([*self._pieces, b"\n"]))

    def _with_line_feeds(self, piece: bytes) -> bytes:
        """Return the piece with every line end, CR LF and CR alone too, as LF."""
        if self._after_cr:
            self._after_cr = False
            piece = piece.removeprefix(b"\n")  # the second half of a CR LF
        self._after_cr = piece.endswith(b"\r")
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take(self, text: bytes) -> list[bytes]:
        if self._at_start:
            self._at_start = False
            text = text.removeprefix(b"\xef\xbb\xbf")
        events, _, rest = text.rpartition(b"\n\n")
        if len(rest) > MAX_EVENT_BYTES:
            raise EventTooLong
        self._pieces, self._size = ([rest] if rest else []), len(rest)
        if events.startswith(b"data: "):
            plain = events[6:].split(b"\n\ndata: ")
            if events.count(b"\n") == 2 * len(plain) - 2 and all(plain):  # no line but these
                return plain
        return [data for event in events.split(b"\n\n") if (data := _data_of(event))]  # one without data is none


def encode(data: bytes) -> bytes:
    """Frame one event without a name."""
    return b"data: " + data + b"\n\n"


def _data_of(event: bytes) -> bytes:
    """Return the joined data lines of an event."""
    lines = []
    for line in event.split(b"\n"):
        name, _, value = line.partition(b":")
        if name == b"data":
            lines.append(value.removeprefix(b" "))
    return b"\n".join(lines)
