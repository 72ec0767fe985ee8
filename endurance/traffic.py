"""The mix: which scenario how often, begun at random moments at a given rate, whatever the gateway does.

``python -m endurance.traffic SETTINGS.json`` is the load process. It obeys lines on its standard input: ``mixed``
(everything), ``calm`` (good requests alone, which let breakers close), ``pause`` (begin nothing), ``rest`` (use up
what is left of the quota that ends), ``stop``. It ends with that input. Notes go to ``seen.jsonl`` in its folder, a
line for each ended request; ``progress.json`` is renewed every second.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gevent
from gevent.fileobject import FileObject
from gevent.pool import Pool

from endurance import api_traffic, page_traffic, troubled_traffic
from endurance.clients import Clients, Member
from endurance.page_traffic import MEMBER_PAGES, OPERATOR_PAGES, Browser
from endurance.seen import Seen, line_of

MOST_OPEN = 400
LINGER_S = 90.0
"""How long the last requests may take once nothing new begins."""

Scenario = Callable[[Clients, Member], None]

WEIGHTS: Mapping[Scenario, float] = {
    api_traffic.chat_whole: 22,
    api_traffic.chat_streamed: 14,
    api_traffic.completions: 6,
    api_traffic.responses_unstored: 6,
    api_traffic.responses_chained: 3,
    api_traffic.chat_tools: 3,
    api_traffic.responses_tools: 1.5,
    api_traffic.lists: 8,
    api_traffic.above_plan: 2,
    api_traffic.unknown_model: 1,
    api_traffic.wrong_token: 1.5,
    api_traffic.bad_body: 2,
    api_traffic.huge_body: 0.5,
    troubled_traffic.fault_hidden: 4,
    troubled_traffic.fault_seen: 4,
    troubled_traffic.leave_before_output: 2.5,
    troubled_traffic.leave_in_the_middle: 2.5,
    troubled_traffic.leave_just_before_the_end: 2,
    troubled_traffic.leave_at_once: 2,
    troubled_traffic.cancel: 0.7,
}
CALM = (api_traffic.chat_whole, api_traffic.heal)
# Of accounts that only they use, and of people.
DAWDLE_WEIGHT = 0.7
SPEND_WEIGHT, CROWD_WEIGHT, MEMBER_PAGE_WEIGHT, OPERATOR_PAGE_WEIGHT, OPEN_PAGE_WEIGHT = 2.0, 0.7, 3.0, 0.7, 2.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What the load process is told."""

    port: int
    rate: float
    """Scenarios begun a second."""
    run: str
    members: list[Member]
    spender: Member
    crowded: Member
    spend_at_most: int
    dawdle_s: float
    """How long a slow reader takes at most."""
    operator: str
    people: list[str]
    """E-mail addresses of members with the password."""
    password: str

    @staticmethod
    def read(path: Path) -> Settings:
        """Read them from their JSON document."""
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        members = [Member(**each) for each in told.pop("members")]
        return Settings(
            members=members, spender=Member(**told.pop("spender")), crowded=Member(**told.pop("crowded")), **told
        )


def every_scenario() -> set[str]:
    """Return the names of the requests that a run of some minutes has sent."""
    return {
        "alias above plan", "bad body", "cancel", "cancelled response", "chat streamed", "chat whole",
        "completions streamed", "completions whole", "fault hidden", "fault seen", "healing", "huge body",
        "left at once", "left at the end", "left before output", "left in the middle", "member page", "models",
        "open page", "operator page", "quota that ends", "responses chained", "responses streamed", "responses whole",
        "sign-in", "slow reader", "stored response", "too many at once", "tool loop", "tool loop of responses",
        "unknown model", "usage", "wrong token",
    }  # fmt: skip


class Traffic:
    """Begins scenarios, each in a greenlet of its own."""

    def __init__(self, settings: Settings, note: Callable[[Seen], object]) -> None:
        """Begin nothing yet: the mode is ``pause``."""
        self._settings = settings
        self.clients = Clients(settings.port, note, run=settings.run)
        self._pool = Pool(MOST_OPEN)
        self.held_back = 0
        """Scenarios that did not begin because so many were open."""
        self.mode = "pause"
        person = partial(Browser, self.clients, settings.password)
        members = [person(email, MEMBER_PAGES, "member page") for email in settings.people]
        operator = person(settings.operator, OPERATOR_PAGES, "operator page")
        begins: list[tuple[Callable[[], None], float]] = [
            *((self._for_any(scenario), weight) for scenario, weight in WEIGHTS.items()),
            (lambda: troubled_traffic.spend(self.clients, settings.spender), SPEND_WEIGHT),
            (self._for_any(partial(troubled_traffic.dawdle, at_most_s=settings.dawdle_s)), DAWDLE_WEIGHT),
            (lambda: troubled_traffic.crowd(self.clients, settings.crowded), CROWD_WEIGHT),
            (lambda: random.choice(members).look(), MEMBER_PAGE_WEIGHT),
            (operator.look, OPERATOR_PAGE_WEIGHT),
            (lambda: page_traffic.open_page(self.clients), OPEN_PAGE_WEIGHT),
        ]
        self._mixed = [begin for begin, _ in begins]
        self._weights = [weight for _, weight in begins]
        self._calm = [self._for_any(scenario) for scenario in CALM]

    @property
    def running(self) -> int:
        """How many scenarios are under way."""
        return len(self._pool)

    def keep_beginning(self) -> None:
        """Begin scenarios by the mode, for ever."""
        due = time.monotonic()
        while True:
            due = max(due + random.expovariate(self._settings.rate), time.monotonic() - 1)
            gevent.sleep(max(0.0, due - time.monotonic()))
            if self.mode == "mixed":
                [begin] = random.choices(self._mixed, self._weights)
            elif self.mode == "calm":
                begin = random.choice(self._calm)
            else:
                continue
            if self._pool.full():
                self.held_back += 1
            else:
                self._pool.spawn(begin)

    def spend_the_rest(self) -> None:
        """Use up the quota that ends."""
        self._pool.spawn(
            troubled_traffic.spend_the_rest, self.clients, self._settings.spender, self._settings.spend_at_most
        )

    def end(self) -> None:
        """Begin nothing any more; wait for what is open, then hang up."""
        self.mode = "pause"
        self._pool.join(LINGER_S)
        self._pool.kill()
        self.clients.close()

    def _for_any(self, scenario: Scenario) -> Callable[[], None]:
        return lambda: scenario(self.clients, random.choice(self._settings.members))


def main() -> None:
    """Obey standard input until it ends."""
    path = Path(sys.argv[1])
    random.seed()
    with (path.parent / "seen.jsonl").open("a", encoding="utf-8", buffering=1) as notes:
        traffic = Traffic(Settings.read(path), lambda seen: notes.write(line_of(seen)))
        progress = path.parent / "progress.json"
        gevent.spawn(traffic.keep_beginning)
        gevent.spawn(_keep_telling, traffic, progress)
        for line in FileObject(sys.stdin.buffer, "rb"):
            word = line.decode().strip()
            if word == "stop":
                break
            if word == "rest":
                traffic.spend_the_rest()
            else:
                traffic.mode = word
                if word == "pause":
                    traffic.clients.close()
        traffic.end()
        _tell(traffic, progress)


def _keep_telling(traffic: Traffic, path: Path) -> None:
    while True:
        _tell(traffic, path)
        gevent.sleep(1)


def _tell(traffic: Traffic, path: Path) -> None:
    told = {
        "at": time.monotonic(),
        "mode": traffic.mode,
        "sent": traffic.clients.sent,
        "open": traffic.clients.open,
        "running": traffic.running,
        "held_back": traffic.held_back,
    }
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(told), encoding="utf-8")
    draft.replace(path)


if __name__ == "__main__":
    main()
