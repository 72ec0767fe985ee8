"""Clients in greenlets: each sends one request and notes what it saw; some leave early, some dawdle."""

from __future__ import annotations

import json
import random
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from endurance import seen
from endurance.answers import read_answer
from endurance.seen import Seen
from endurance.wire import Gone, Left, Wire

PATIENCE_S = 60.0
KEPT_AT_MOST = 64
KEPT_FOR_S = 3.0  # gunicorn closes an idle connection after 5


@dataclass(frozen=True, slots=True)
class Member:
    """One account."""

    email: str
    plan: str
    token: str


@dataclass(frozen=True, slots=True)
class Manner:
    """How a client behaves that does not simply read to the end."""

    leave_after_s: float | None = None
    """Hang up so long after sending, if the answer has not ended."""
    leave_after_events: int | None = None
    leave_at: bytes | None = None
    """Hang up when these bytes have come."""
    dawdle_s: float = 0.0
    """Read a byte a second for so long, through a small window."""
    watch: Callable[[bytes], object] | None = None
    """Called with each piece of the body as it comes."""


PLAIN = Manner()


@dataclass(slots=True)
class Answer:
    """What was seen, and what it said."""

    seen: Seen
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    told: Sequence[dict[str, Any]] = ()
    """The body's JSON object, or the stream's events."""

    @property
    def is_complete(self) -> bool:
        """Tell whether it came whole and was no error."""
        return self.seen.how == seen.COMPLETE


class Clients:
    """The clients of one process: their numbers, their kept connections, their notes."""

    def __init__(self, port: int, note: Callable[[Seen], object], *, run: str = "endurance") -> None:
        """Ask the gateway on ``port``; ``note`` gets each request when it has ended. ``run`` begins their names."""
        self._port = port
        self._note = note
        self._run = run
        self._kept: deque[tuple[float, Wire]] = deque()
        self.sent = 0
        self.open = 0

    def ask(
        self,
        scenario: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        member: Member | None = None,
        kind: str = seen.UNCOUNTED,
        expected: Sequence[str] = (seen.COMPLETE,),
        manner: Manner = PLAIN,
        headers: Mapping[str, str] | None = None,
        no_output_before_s: float = 0.0,
    ) -> Answer:
        """Send one request and read its answer; never raises for what the server does.

        ``body`` is sent as JSON, or as it is if it is bytes. The request is noted when this returns.
        """
        self.sent += 1
        noted = Seen(
            name=f"{self._run}/{self.sent}",
            scenario=scenario,
            account=member.email if member else "",
            endpoint=path.removeprefix("/v1/"),
            kind=kind,
            sent_at=time.time(),
            no_output_before_s=no_output_before_s,
            expected=list(expected),
        )
        answer = Answer(noted)
        request = _request(method, path, body, noted.name, member, headers or {})
        started = time.monotonic()
        self.open += 1
        try:
            self._exchange(answer, request, manner, method)
        finally:
            self.open -= 1
            noted.seconds = round(time.monotonic() - started, 4)
            self._note(noted)
        return answer

    def close(self) -> None:
        """Hang up on all kept connections."""
        while self._kept:
            self._kept.popleft()[1].close()

    def _exchange(self, answer: Answer, request: bytes, manner: Manner, method: str) -> None:
        noted = answer.seen
        wire = None
        keep = False
        pieces: list[bytes] = []
        is_whole = is_stream = False
        try:
            wire = self._wire(manner)
            ends_at = None if manner.leave_after_s is None else time.monotonic() + manner.leave_after_s
            wire.leave_at(ends_at)
            wire.send(request)
            noted.status, answer.headers = wire.head()
            noted.request_id = answer.headers.get("x-request-id", "")
            noted.how = seen.CUT
            is_stream = answer.headers.get("content-type", "").startswith("text/event-stream")
            wire.dawdle_until = time.monotonic() + manner.dawdle_s
            is_empty = method == "HEAD" or noted.status in (204, 304)
            for piece in wire.body(answer.headers, is_empty=is_empty):
                pieces.append(piece)
                if manner.watch is not None:
                    manner.watch(piece)
                _leave_by_choice(manner, pieces)
            is_whole = True
            noted.how = seen.REFUSED if noted.status >= 300 else seen.COMPLETE
            keep = answer.headers.get("connection", "").lower() != "close"
        except Left:
            noted.how = seen.LEFT
        except Gone as error:
            noted.code = seen.SILENT if str(error) == seen.SILENT else ""
        finally:
            if wire is not None:
                self._put_back(wire, keep=keep and manner is PLAIN)
        answer.body = b"".join(pieces)
        answer.told = read_answer(noted, answer.body, is_whole=is_whole, is_stream=is_stream)

    def _wire(self, manner: Manner) -> Wire:
        now = time.monotonic()
        while self._kept and manner is PLAIN:
            kept_at, wire = self._kept.popleft()
            if now - kept_at < KEPT_FOR_S and wire.is_open:
                return wire
            wire.close()
        return Wire(self._port, patience_s=PATIENCE_S, is_narrow=bool(manner.dawdle_s))

    def _put_back(self, wire: Wire, *, keep: bool) -> None:
        # Half of them ask on a fresh connection.
        if keep and len(self._kept) < KEPT_AT_MOST and random.random() < 0.5:
            self._kept.append((time.monotonic(), wire))
        else:
            wire.close()


def _leave_by_choice(manner: Manner, pieces: list[bytes]) -> None:
    events = manner.leave_after_events
    if events is not None and sum(piece.count(b"data: ") for piece in pieces) >= events:
        raise Left
    if manner.leave_at is not None and manner.leave_at in pieces[-1]:
        raise Left


def _request(method: str, path: str, body: Any, name: str, member: Member | None, headers: Mapping[str, str]) -> bytes:
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"User-Agent: {name}"]
    if member is not None and member.token:
        lines.append(f"Authorization: Bearer {member.token}")
    if data or method == "POST":
        lines.append(f"Content-Length: {len(data)}")
    if data and "Content-Type" not in headers:
        lines.append("Content-Type: application/json")
    lines += [f"{key}: {value}" for key, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data
