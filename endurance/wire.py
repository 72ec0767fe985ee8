"""HTTP/1.1 on a raw socket of gevent's, so that a client can leave, stall and dawdle where it likes.

Nothing is monkey-patched: whoever imports this runs its clients in greenlets of one thread.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Mapping

import gevent
from gevent import socket

RECEIVE_BYTES = 64 * 1024
SMALL_WINDOW = 4096  # bytes that the kernel takes for a dawdling reader


class Left(Exception):
    """The client hangs up by its own choice."""


class Gone(Exception):
    """The connection ended, or said nothing for too long, before the answer was whole."""


class Wire:
    """One connection to a port of this machine."""

    def __init__(self, port: int, *, patience_s: float, is_narrow: bool = False) -> None:
        """Connect.

        Raises:
            Gone: nobody takes connections.
        """
        self._socket = socket.socket()
        if is_narrow:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_WINDOW)
        self._socket.settimeout(patience_s)
        self._patience_s = patience_s
        self._buffer = bytearray()
        self.dawdle_until = 0.0
        """Until then (monotonic) a byte a second is read."""
        self._leave_at: float | None = None
        try:
            self._socket.connect(("127.0.0.1", port))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            self.close()
            raise Gone(str(error)) from error

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    @property
    def is_open(self) -> bool:
        """Tell whether a kept connection is open and silent."""
        return not select.select([self._socket], [], [], 0)[0]

    def leave_at(self, moment: float | None) -> None:
        """Hang up at this moment (monotonic) wherever the answer is then; None: never."""
        self._leave_at = moment

    def send(self, data: bytes) -> None:
        """Send a request; a server that stops reading may have answered all the same."""
        try:
            self._socket.sendall(data)
        except OSError:
            return

    def head(self) -> tuple[int, dict[str, str]]:
        """Return status and headers of the next answer: names in small letters, values of one name by lines.

        Raises:
            Gone: there is none.
        """
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._fill()
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        headers: dict[str, str] = {}
        for name, _, value in (line.partition(":") for line in lines[1:]):
            known = headers.get(name.lower())
            headers[name.lower()] = value.strip() if known is None else f"{known}\n{value.strip()}"
        return int(lines[0].split(" ")[1]), headers

    def body(self, headers: Mapping[str, str], *, is_empty: bool) -> Iterator[bytes]:
        """Yield the body's pieces as they come, to its proper end.

        Raises:
            Gone: it ended before.
        """
        if is_empty:
            return
        if headers.get("transfer-encoding", "") == "chunked":
            while size := int(self._line().split(b";")[0], 16):
                yield self._exactly(size)
                self._line()
            self._line()
        else:
            left = int(headers.get("content-length", 0))
            while left:
                if not self._buffer:
                    self._fill()
                piece = bytes(self._buffer[:left])
                del self._buffer[:left]
                left -= len(piece)
                yield piece

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        return piece

    def _fill(self) -> None:
        is_dawdling = time.monotonic() < self.dawdle_until
        if is_dawdling:
            gevent.sleep(1)
        left_s = self._patience_s
        if self._leave_at is not None:
            left_s = min(left_s, self._leave_at - time.monotonic())
            if left_s <= 0:
                raise Left
        self._socket.settimeout(left_s)
        try:
            data = self._socket.recv(1 if is_dawdling else RECEIVE_BYTES)
        except TimeoutError as error:
            raise Gone("silent") if self._leave_at is None else Left from error
        except OSError as error:
            raise Gone(str(error)) from error
        if not data:
            raise Gone("closed")
        self._buffer += data
