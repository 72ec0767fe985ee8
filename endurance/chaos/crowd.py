"""Members at work: each asks at its own pace and reads paced streams, in greenlets of a thread beside the scenario."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType

import gevent

from endurance import seen
from endurance.api_traffic import chat
from endurance.clients import Clients, Manner, Member
from endurance.seen import Seen

EVERYTHING = (seen.COMPLETE, seen.BROKEN, seen.REFUSED, seen.LEFT, seen.CUT, seen.UNANSWERED)
PACE_MS = 50
SHORT = "[[tokens 5]] hello"


@dataclass(slots=True)
class Notes:
    """What a crowd saw. Moments are of the monotonic clock."""

    seen: list[Seen] = field(default_factory=list)
    short: list[tuple[float, Seen, float]] = field(default_factory=list)
    """When each short request was sent, what became of it, and what the meter said of it."""
    streams: list[Seen] = field(default_factory=list)
    late_ms: list[tuple[float, float]] = field(default_factory=list)
    """Of each event of the streams: when it came, and how much later than the pace."""


class Crowd:
    """``with Crowd(...) as crowd``: at work for the block; ``notes`` has everything when it has ended."""

    def __init__(
        self,
        port: int,
        members: Sequence[Member],
        *,
        run: str = "crowd",
        gap_s: float = 0.2,
        streams: int = 2,
        stream_events: int = 60,
        meter: Callable[[], float] | None = None,
    ) -> None:
        """Each member asks every ``gap_s`` and reads ``streams`` streams of ``stream_events`` all the time.

        ``meter`` is read before and after each short request.
        """
        self.notes = Notes()
        self._port = port
        self._members = members
        self._run_name = run
        self._gap_s = gap_s
        self._streams = streams
        self._text = f"[[tokens {stream_events}]] [[pace {PACE_MS}]]"
        self._meter = meter or (lambda: 0.0)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._work, name="crowd")

    def __enter__(self) -> Crowd:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._thread.join()

    def _work(self) -> None:
        clients = Clients(self._port, self.notes.seen.append, run=self._run_name)
        crowd = []
        for place, member in enumerate(self._members):
            crowd.append(gevent.spawn(self._ask, clients, member, place / len(self._members)))
            crowd += [gevent.spawn(self._read, clients, member) for _ in range(self._streams)]
        while not self._ends.is_set():
            gevent.sleep(0.02)
        gevent.joinall(crowd, timeout=60)
        gevent.killall(crowd)
        clients.close()
        gevent.get_hub().destroy()

    def _ask(self, clients: Clients, member: Member, offset: float) -> None:
        """Ask at fixed moments, each in a greenlet of its own: a slow answer delays no further question."""
        due = time.monotonic() + offset * self._gap_s
        asked: list[gevent.Greenlet[..., None]] = []
        while not self._ends.is_set():
            gevent.sleep(max(0.0, due - time.monotonic()))
            asked = [each for each in asked if not each.dead]
            asked.append(gevent.spawn(self._ask_once, clients, member))
            due += self._gap_s
        gevent.joinall(asked)

    def _ask_once(self, clients: Clients, member: Member) -> None:
        sent, began = time.monotonic(), self._meter()
        answer = chat(clients, member, "short", SHORT, expected=EVERYTHING)
        self.notes.short.append((sent, answer.seen, self._meter() - began))

    def _read(self, clients: Clients, member: Member) -> None:
        while not self._ends.is_set():
            came: list[float] = []
            answer = chat(
                clients,
                member,
                "stream",
                self._text,
                stream=True,
                expected=EVERYTHING,
                manner=Manner(watch=partial(_note_time, came)),
            )
            self.notes.streams.append(answer.seen)
            words = came[1:-2]  # role and first word come at once, the last word and the end too
            self.notes.late_ms += [
                (now, abs((now - before) * 1000 - PACE_MS)) for before, now in itertools.pairwise(words)
            ]
            if not answer.is_complete:
                gevent.sleep(0.2)


def _note_time(came: list[float], piece: bytes) -> None:
    came.append(time.monotonic())


def share(values: Sequence[float], part: float) -> float:
    """Return the value below which so large a part lies; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


def tally(requests: Sequence[Seen]) -> str:
    """Return how many ended how."""
    counts: dict[str, int] = {}
    for each in requests:
        how = each.how if each.status in (0, 200) else f"{each.status} {each.code}"
        counts[how] = counts.get(how, 0) + 1
    return ", ".join(f"{count} {how}" for how, count in sorted(counts.items(), key=lambda item: -item[1])) or "none"
