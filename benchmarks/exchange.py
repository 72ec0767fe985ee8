"""One request of the load generator and what came back, as it came; nothing of it is read while a clock runs."""

from __future__ import annotations

LAST_CHUNK = b"\r\n0\r\n\r\n"


class Exchange:
    """The raw bytes of an answer, and after how many of them it was when (seconds of the monotonic clock)."""

    __slots__ = ("arrivals", "body_at", "due_at", "ended_at", "is_broken", "number", "raw", "sent_at", "size")

    def __init__(self, number: int, due_at: float, sent_at: float) -> None:
        """Begin: nothing has come yet."""
        self.number = number
        self.due_at = due_at
        self.sent_at = sent_at
        self.ended_at = 0.0
        self.raw = bytearray()
        self.arrivals: list[tuple[float, int]] = []
        self.body_at = 0  # where the body begins; 0 until the head is complete
        self.size: int | None = None  # of the whole answer; None: chunked
        self.is_broken = False  # the connection ended first

    def take(self, data: bytes, now: float) -> bool:
        """Add what has come; tell whether the answer is complete."""
        raw = self.raw
        raw += data
        self.arrivals.append((now, len(raw)))
        if not self.body_at and not self._read_head():
            return False
        complete = raw.endswith(LAST_CHUNK) if self.size is None else len(raw) >= self.size
        if complete:
            self.ended_at = now
        return complete

    def _read_head(self) -> bool:
        raw = self.raw
        end = raw.find(b"\r\n\r\n")
        if end < 0:
            return False
        self.body_at = end + 4
        # Lowering the whole head would cost more than looking twice.
        place = raw.find(b"\r\nContent-Length:", 0, end)
        if place < 0:
            place = raw.find(b"\r\ncontent-length:", 0, end)
        if place >= 0:
            self.size = self.body_at + int(raw[place + 17 : raw.find(b"\r\n", place + 17)])
        return True
