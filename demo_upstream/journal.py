"""What the demo upstream was asked lately, for tests that look at what a gateway sent and when it hung up."""

import sys
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import orjson

KEPT = 200  # requests
KEPT_BODY = 64 * 1024  # bytes
Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Entry:
    """One generation request. ``outcome``: open | complete | client_gone | cut (by the script)."""

    number: int
    method: str
    path: str
    headers: Headers
    body: bytes
    body_size: int
    started: float
    ended: float | None = None
    outcome: str = "open"
    events: int = 0

    def as_json(self) -> dict[str, Any]:
        """Header names in lower case, the body parsed; a body over the limit is null, an odd one text."""
        body: Any = None
        if self.body:
            try:
                body = orjson.loads(self.body)
            except orjson.JSONDecodeError:
                body = self.body.decode("utf-8", "replace")
        return {
            "number": self.number,
            "method": self.method,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers},
            "body": body,
            "body_size": self.body_size,
            "started": self.started,
            "ended": self.ended,
            "outcome": self.outcome,
            "events": self.events,
        }


class Journal:
    """The last KEPT requests, oldest first, and how many are under way."""

    def __init__(self, log: bool = False) -> None:
        self.open = 0
        self.total = 0
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._log = log

    def begin(self, method: str, path: str, headers: Headers, body: bytes) -> Entry:
        """Note a request that has just been read."""
        kept = body if len(body) <= KEPT_BODY else b""
        self.open += 1
        self.total += 1
        entry = Entry(self.total, method, path, headers, kept, len(body), time.time())
        self._entries.append(entry)
        return entry

    def end(self, entry: Entry, outcome: str, events: int) -> None:
        """Note how a request ended."""
        entry.ended, entry.outcome, entry.events = time.time(), outcome, events
        self.open -= 1
        if self._log:
            took_ms = (entry.ended - entry.started) * 1000
            line = f"{entry.method} {entry.path} {outcome}, {events} events, {took_ms:.1f} ms"
            print(line, file=sys.stderr, flush=True)

    def requests(self) -> list[dict[str, Any]]:
        """All kept entries, oldest first."""
        return [entry.as_json() for entry in self._entries]

    def clear(self) -> None:
        """Forget the kept entries; those under way still count as open."""
        self._entries.clear()
