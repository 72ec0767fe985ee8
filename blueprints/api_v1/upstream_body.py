"""Reading an upstream's answer from its socket: all that has arrived, in one piece, with a time limit.

``requests`` hands out one HTTP chunk at a time, and holds back data of a body that ends by closing. A relay
wants neither: what the socket has goes on at once, and many small chunks go on together. So once
``requests`` has read the header, the body is read here, from the same socket.
"""

from __future__ import annotations

import contextlib
import re
import ssl
import time
from functools import lru_cache
from typing import Any

import gevent
import requests

PIECE_BYTES = 32 * 1024
_MAX_CHUNK_HEADER = 4096
_HEX = re.compile(rb"[0-9A-Fa-f]{1,15}")


class Silence(Exception):
    """Nothing came within the time that the caller was ready to wait."""


class BodyCut(Exception):
    """The body ended before its announced end, or its framing is broken."""


class UpstreamBody:
    """The body of one answer.

    ``read`` returns bytes as they come and ``b""`` at the end. After a whole body the connection goes back
    to the pool; ``close`` before that ends it, which tells the upstream to stop.
    """

    def __init__(self, answer: requests.Response) -> None:
        """Take over the socket of an answer whose header has been read.

        Raises:
            BodyCut: the connection broke right behind the header.
        """
        self._answer = answer
        inner: Any = answer.raw._fp  # http.client's own response, beneath urllib3's
        self._inner = inner
        self._socket: Any = inner.fp.raw._sock
        self._ready = self._take_buffered(inner)
        self._chunked: bool = bool(inner.chunked)
        self._left: int | None = inner.length  # of a body with a length, or of the running chunk
        self._frame = b""
        self._ended = self._left == 0 and not self._chunked
        if self._chunked:
            self._left = 0

    def read(self, timeout_s: float | None) -> bytes:
        """Return what has come, at most ``PIECE_BYTES`` or so; ``b""`` when the body has ended.

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

    def take_end(self) -> None:
        """Read on if the body's formal end has come, so that the connection can be used again; never waits."""
        if self._socket is None:
            return
        with contextlib.suppress(Silence, BodyCut):
            self.read(0)

    def close(self) -> None:
        """End the connection unless it went back to the pool already."""
        if self._socket is not None:
            self._socket = None
            self._answer.close()

    def _take_buffered(self, inner: Any) -> bytes:
        """Empty the header reader's buffer, so that the rest can be read from the socket itself."""
        reader: Any = inner.fp
        self._socket.settimeout(0)
        try:
            buffered = reader.peek()
        except (ssl.SSLWantReadError, BlockingIOError):
            return b""
        except OSError as error:
            raise BodyCut(str(error)) from error
        return bytes(reader.read1(len(buffered))) if buffered else b""

    def _receive(self, timeout_s: float | None) -> bytes:
        if self._ready:
            ready, self._ready = self._ready, b""
            return ready
        self._socket.settimeout(timeout_s)
        try:
            raw: bytes = self._socket.recv(PIECE_BYTES)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError) as error:
            raise Silence from error
        except OSError as error:
            raise BodyCut(str(error)) from error
        if len(raw) > PIECE_BYTES // 8:
            gevent.sleep(0)  # a burst must not keep the other streams of this worker waiting
        if not raw and (self._chunked or self._left is not None):
            raise BodyCut("the connection was closed in the middle of the body")
        return raw

    def _count(self, raw: bytes) -> bytes:
        if self._left is None:  # the body ends where the connection does
            self._ended = not raw
            return raw
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
                    break
            else:
                self._left = _chunk_size(line)
                if self._left == 0:
                    self._left = None
        return b"".join(pieces)

    def _give_back(self) -> None:
        if self._socket is None:
            return
        self._socket = None
        if self._chunked or self._left == 0:
            self._inner.close()
            self._answer.raw.release_conn()
        else:
            self._answer.close()


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
    if not _HEX.fullmatch(digits):
        raise BodyCut(f"a chunk header that is no number: {line[:40]!r}")
    return int(digits, 16)
