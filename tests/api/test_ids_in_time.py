"""Ids of requests and turns: in the order of time, of one form, each of them once."""

from __future__ import annotations

import re
import socket
import time
from itertools import pairwise

from blueprints.api_v1.continuations import new_turn, turn_begun_at
from service.request_ids import new_request_id
from tests.api.client import Api

NOW = 1_790_000_000_000
LETTERS = 62
# Where one character, or several at once, begin anew.
TIMES = [
    0, 9, 10, LETTERS - 1, LETTERS, LETTERS**4 - 1, LETTERS**4, NOW - 1, NOW, NOW + 1, LETTERS**7 - 1, LETTERS**7,
    LETTERS**8 - 1,
]  # fmt: skip


def at_later_moments(api: Api, kinds: str) -> list[str]:
    """Ids of answers, each asked for some milliseconds after the one before: "r" is read, "b" is broken HTTP."""
    found = []
    for kind in kinds:
        time.sleep(0.003)
        if kind == "r":
            found.append(api.session.get(f"{api.url}/models", timeout=20).headers["x-request-id"])
            continue
        with socket.create_connection(("127.0.0.1", api.gateway.port), timeout=20) as client:
            client.sendall(b"GET / HTTP/1.1\r\nno colon\r\n\r\n")
            found.append(re.findall(r"x-request-id: (\S+)", client.recv(4096).decode())[0])
    return found


def test_requests_are_named_in_the_order_of_time_read_or_not(api: Api) -> None:
    ids = at_later_moments(api, "rbrrbbr")
    assert ids == sorted(set(ids))


def test_name_of_a_request_tells_its_millisecond(api: Api) -> None:
    before = time.time_ns() // 1_000_000
    [request_id] = at_later_moments(api, "r")
    after = time.time_ns() // 1_000_000
    told = re.fullmatch(r"req_([0-9a-f]{12})[0-9a-f]{20}", request_id)
    assert told
    assert before <= int(told[1], 16) <= after


def test_turns_sort_in_the_order_of_time() -> None:
    turns = [turn_begun_at(moment) for moment in TIMES]
    assert all(re.fullmatch(r"[0-9A-Za-z]{16}", turn) for turn in turns)
    assert all(earlier[:8] < later[:8] for earlier, later in pairwise(turns))


def test_turns_of_now_lie_between_those_of_before_and_after() -> None:
    before, after = (turn_begun_at(time.time_ns() // 1_000_000 + shift) for shift in (-1, 60_000))
    assert before < new_turn() < after


def test_many_made_at_once_are_all_different() -> None:
    assert len({turn_begun_at(NOW) for _ in range(2_000)}) == 2_000
    assert len({new_request_id() for _ in range(2_000)}) == 2_000
