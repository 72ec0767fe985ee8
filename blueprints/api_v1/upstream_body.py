"""Reading the body of an upstream's answer: all that has arrived, in one piece, with a time limit.

What the connection has goes on at once, and many small chunks go on together.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable
from functools import lru_cache

from service.process.loop_turn import let_others_go_first

from .upstream_head import Head
from .upstream_wire import Wire

_MUCH_BYTES = 4096
_MAX_CHUNK_HEADER = 4096
_MAX_TRAILER_BYTES = 16 * 1024
_HEX = re.compile(rb"[0-9A-Fa-f]{1,15}")


class Silence(Exception):
    """Nothing came within the time that the caller was ready to wait."""


class BodyCut(Exception):
    """The body ended before its announced end, or its framing is broken."""


class UpstreamBody:
    """The body of one answer.

    ``read`` returns bytes as they come and ``b""`` at the end. After a whole body the connection may serve
    again; ``close`` before that ends it, which tells the upstream to stop.
    """

    __slots__ = ("_can_be_kept", "_chunked", "_ended", "_frame", "_keep", "_left", "_ready", "_trailer_bytes", "_wire")

    def __init__(self, wire: Wire, head: Head, keep: Callable[[Wire], object]) -> None:
        """Read on from ``wire`` behind ``head``; ``keep`` takes the connection if it can be used again."""
        self._wire: Wire | None = wire
        self._keep = keep
        self._can_be_kept = head.can_be_kept
        self._ready = head.rest
        self._chunked = head.is_chunked
        self._left = 0 if head.is_chunked else head.length  # of a body with a length, or of the running chunk
        self._frame = b""
        self._trailer_bytes = 0
        self._ended = head.length == 0
        if self._ended and head.rest:
            self._can_be_kept = False  # as in `_count`

    def read(self, timeout_s: float | None) -> bytes:
        """Return what has come, at most some KB; ``b""`` when the body has ended.

        Raises:
            Silence: nothing of the body came for ``timeout_s`` seconds, at most framing; reading may go on.
            BodyCut: the connection ended in the middle of the body.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        left_s = timeout_s
        while not self._ended:
            raw = self._receive(left_s)
            piece = self._dechunk(raw) if self._chunked else self._count(raw)
            if piece:
                return piece
            if deadline is not None and not self._ended:
                left_s = max(0.0, deadline - time.monotonic())  # 0: what is there already, without a wait
        self._give_back()
        return b""

    def read_all(self, limit_bytes: int) -> bytes:
        """Return the whole body; the caller bounds the time.

        Raises:
            BodyCut: it was cut, or is larger than ``limit_bytes``.
        """
        pieces = []
        size = 0
        while piece := self.read(None):
            size += len(piece)
            if size > limit_bytes:
                raise BodyCut(f"more than {limit_bytes} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    def read_most(self, most_bytes: int) -> bytes:
        """Return the first ``most_bytes``, or all of it; the caller bounds the time.

        Raises:
            BodyCut: it was cut.
        """
        pieces = []
        size = 0
        while size < most_bytes and (piece := self.read(None)):
            size += len(piece)
            pieces.append(piece)
        self.take_end()
        return b"".join(pieces)[:most_bytes]

    def take_end(self) -> None:
        """Read on if the body's formal end has come, so that the connection can be used again; never waits."""
        if self._wire is None:
            return
        with contextlib.suppress(Silence, BodyCut):
            self.read(0)

    def close(self) -> None:
        """End the connection unless the body has been read to its end."""
        if self._wire is not None:
            wire, self._wire = self._wire, None
            wire.close()

    def _receive(self, timeout_s: float | None) -> bytes:
        if self._ready:
            ready, self._ready = self._ready, b""
            return ready
        if self._wire is None:
            raise BodyCut("the body was closed")
        try:
            raw = self._wire.receive(timeout_s)
        except TimeoutError as error:
            raise Silence from error
        except OSError as error:
            raise BodyCut(str(error)) from error
        if len(raw) > _MUCH_BYTES:
            let_others_go_first()  # a burst must not keep the other streams of this worker waiting
        if not raw and (self._chunked or self._left is not None):
            raise BodyCut("the connection was closed in the middle of the body")
        return raw

    def _count(self, raw: bytes) -> bytes:
        if self._left is None:  # the body ends where the connection does
            self._ended = not raw
            return raw
        if len(raw) > self._left:
            self._can_be_kept = False  # whatever follows the body, it answers nothing that was asked
        piece = raw[: self._left]
        self._left -= len(piece)
        self._ended = self._left == 0
        return piece

    def _dechunk(self, raw: bytes) -> bytes:
        """Take the chunked framing off (RFC 9112, section 7.1)."""
        data = self._frame + raw
        self._frame = b""
        pieces: list[bytes] = []
        place = _whole_chunks(data, pieces) if self._left == 0 else 0
        while place < len(data):
            if self._left is not None and self._left > 0:
                piece = data[place : place + self._left]
                pieces.append(piece)
                place += len(piece)
                self._left -= len(piece)
                if self._left == 0:
                    self._left = -1  # the line end that closes a chunk is still to come
                continue
            line_end = data.find(b"\r\n", place)
            if line_end < 0:
                if len(data) - place > _MAX_CHUNK_HEADER:
                    raise BodyCut("a chunk header without an end")
                self._frame = data[place:]
                break
            line = data[place:line_end]
            place = line_end + 2
            if self._left == -1:
                if line:
                    raise BodyCut("a chunk longer than its header says")
                self._left = 0
            elif self._left is None:  # the last chunk has come: trailers, then an empty line
                if not line:
                    self._ended = True
                    self._can_be_kept = self._can_be_kept and place == len(data)
                    break
                self._trailer_bytes += len(line)
                if self._trailer_bytes > _MAX_TRAILER_BYTES:
                    raise BodyCut("trailers without an end")
            else:
                self._left = _chunk_size(line)
                if self._left == 0:
                    self._left = None
        return b"".join(pieces)

    def _give_back(self) -> None:
        if self._can_be_kept and self._wire is not None:
            wire, self._wire = self._wire, None
            self._keep(wire)
        self.close()


def _whole_chunks(data: bytes, pieces: list[bytes]) -> int:
    """Collect the chunks that ``data`` begins with and holds whole; return where the rest begins."""
    place = 0
    while (line_end := data.find(b"\r\n", place)) >= 0:
        start = line_end + 2
        end = start + _chunk_size(data[place:line_end])
        if end == start or data[end : end + 2] != b"\r\n":  # the last chunk, half a one, or a broken one
            break
        pieces.append(data[start:end])
        place = end + 2
    return place


@lru_cache(maxsize=4096)  # the events of a stream have few sizes
def _chunk_size(line: bytes) -> int:
    digits = line.split(b";", 1)[0].strip()
    if len(line) > _MAX_CHUNK_HEADER or not _HEX.fullmatch(digits):
        raise BodyCut("a chunk header that is no number, or too long")
    return int(digits, 16)
