"""A thousand requests through three equal upstreams, one of which dies in the middle and comes back."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests
import sqlalchemy as sa

from tests.conftest import GatewayFactory
from tests.faults.acts import answer_with
from tests.faults.answers import APIS, Read, read_stream, read_whole, request_body
from tests.faults.server import Act, FaultServer, fault_server
from tests.faults.wire import Wire
from tests.harness.gateway import Gateway

NAMES = ("north", "south", "west")
VICTIM = "south"
REQUESTS = 1_000
AT_ONCE = 16
A_SECOND = 100
"""Requests; so slowly that the walk lasts as long as a circuit is open."""
DIES_AT = 60
DEAD_S = 4.0
BACK_WITHIN_S = 60.0
THINKING_S = 0.02

CONFIG = """
[[profiles]]
alias = "walk"
routes = [
    {{ upstream = "north", model = "m", order = 1 }},
    {{ upstream = "south", model = "m", order = 1 }},
    {{ upstream = "west", model = "m", order = 1 }},
]

[[plans]]
slug = "all"
name = "All"
profile = "walk"

{upstreams}
"""
UPSTREAM = '[[upstreams]]\nname = "{name}"\nbase_url = "{url}"\n'


@dataclass(frozen=True)
class Answer:
    """What one request got: whose answer it was, when it was there, and its id."""

    by: str
    at: float
    request_id: str


class Walk:
    """Sends requests of all kinds, each with an opening of its own, and keeps what came back."""

    def __init__(self, gateway: Gateway, token: str) -> None:
        self._api = gateway.api
        self._token = token
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def ask(self, number: int) -> Answer:
        """Send one request; fails on whatever is no whole answer of one of the three."""
        api, stream = APIS[number % 3], number % 2 == 0
        body = request_body(api, "walk", f"{number} is where this story begins.", stream=stream)
        got = self._session.post(f"{self._api}/{api}", json=body, timeout=30)
        assert got.status_code == 200, got.text
        read = (read_stream if stream else read_whole)(api, got.content, "walk")
        assert read == Read(read.text, "completed" if api == "responses" else "stop")
        assert read.text in NAMES
        return Answer(read.text, time.monotonic(), got.headers["x-request-id"])

    def close(self) -> None:
        """Close all connections to the gateway, which else waits for them when it stops."""
        for session in self._sessions:
            session.close()

    @property
    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.headers["Authorization"] = f"Bearer {self._token}"
            self._sessions.append(self._local.session)
        session: requests.Session = self._local.session
        return session


def test_upstream_dies_and_comes_back_and_no_client_notices(gateway_factory: GatewayFactory) -> None:
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(fault_server({"answer": saying(name)})) for name in NAMES}
        upstreams = [UPSTREAM.format(name=name, url=servers[name].base_url("answer", "any")) for name in NAMES]
        gateway = gateway_factory("sqlite", config=CONFIG.format(upstreams="\n".join(upstreams)))
        walk = Walk(gateway, gateway.account(plan="all")["token"])
        answers, died, revived = walk_through(walk, servers[VICTIM])
        back = next((one.at for one in answers if one.by == VICTIM and one.at > revived), None)
        while back is None and time.monotonic() < revived + BACK_WITHIN_S:
            answers.append(walk.ask(len(answers)))
            back = answers[-1].at if answers[-1].by == VICTIM else None
            time.sleep(0.02)
        assert back is not None, f"no traffic on it {BACK_WITHIN_S:g} s after it came back"
        # Once it is trusted again it gets its share again, not a trial now and then.
        answers += [walk.ask(len(answers)) for _ in range(60)]
        walk.close()
        assert Counter(one.by for one in answers[-60:])[VICTIM] >= 5
        check_rows(gateway, answers, died)


def walk_through(walk: Walk, victim: FaultServer) -> tuple[list[Answer], float, float]:
    """Send all requests at an even pace; the victim dies at ``DIES_AT``. Gives when it died and came back."""
    times: list[float] = []

    def die_and_revive() -> None:
        times.append(time.monotonic())
        victim.die()
        time.sleep(DEAD_S)
        victim.revive()
        times.append(time.monotonic())

    death = threading.Thread(target=die_and_revive)
    started = time.monotonic()

    def step(number: int) -> Answer:
        time.sleep(max(0.0, started + number / A_SECOND - time.monotonic()))
        if number == DIES_AT:
            death.start()
        return walk.ask(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(step, range(REQUESTS)))
    death.join()
    died, revived = times
    return answers, died, revived


def check_rows(gateway: Gateway, answers: list[Answer], died: float) -> None:
    """One row for each answer, counted, naming whose it was; few requests met the dead one."""
    engine = sa.create_engine(gateway.database_url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        rows = {row.request_id: row for row in connection.execute(sa.text("SELECT * FROM usage_log"))}
    assert rows.keys() == {one.request_id for one in answers}
    for one in answers:
        row = rows[one.request_id]
        assert (row.upstream, row.status, row.counted, row.error_code) == (one.by, "completed", 1, None)
    assert not [one for one in answers if one.at < died and rows[one.request_id].attempts > 1]
    second = [one for one in answers if rows[one.request_id].attempts > 1]
    assert second, "the death hit no request: this walk has shown nothing"
    # At least 5 failures open the circuit, and as many as what went well shortly before; those under way fail too.
    went_well = sum(one.by == VICTIM and one.at < died for one in answers)
    assert len(second) <= max(5, went_well) + 2 * AT_ONCE


def saying(name: str) -> Act:
    """Answer with a name after a moment, or not at all: what dies while it thinks has sent nothing."""

    def act(wire: Wire) -> None:
        wire.pause(THINKING_S)
        answer_with(wire, name)

    return act
