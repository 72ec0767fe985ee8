"""The end of a stream whose tidying up goes wrong."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from blueprints.api_v1.relay_stream import StreamedAnswer
from models.reservation import Outcome
from tests.api.test_attempts import Tried, route


class Ticket:
    """An admitted request that nothing has left for."""

    is_marked = is_closed = False

    def __init__(self) -> None:
        self.given_back: list[Outcome] = []

    def give_back(self, outcome: Outcome) -> None:
        self.is_closed = True
        self.given_back.append(outcome)


def fail() -> None:
    raise OSError("no more")


@pytest.mark.parametrize("broken", ["upstream", "watch", "both"])
def test_row_is_closed_and_all_is_let_go_whatever_fails_on_the_way(broken: str) -> None:
    done: list[str] = []
    abandon = fail if broken != "watch" else lambda: done.append("upstream")
    stop = fail if broken != "upstream" else lambda: done.append("watch")
    ticket = Ticket()
    tried = Tried(route("one"))
    watch = SimpleNamespace(stop=stop)
    known: Any = (tried.call, tried.attempts, ticket, None, watch, lambda _: None)
    stream = StreamedAnswer(*known)
    stream._opening = cast(Any, SimpleNamespace(abandon=abandon))
    with pytest.raises(OSError, match="no more"):
        stream.close()
    assert [outcome.status for outcome in ticket.given_back] == ["cancelled"]
    assert done == {"upstream": ["watch"], "watch": ["upstream"], "both": []}[broken]
