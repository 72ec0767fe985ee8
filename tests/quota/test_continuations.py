"""A prompt is a user's turn: bringing back tool results continues it, and nobody gets more out of that."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from models.base import UtcDateTime, utcnow
from tests.conftest import DATABASES
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import wait_until

CAP = 4
CONFIG = """
[service]
continuations_per_prompt = {cap}

[[upstreams]]
name = "east"
base_url = "{demo}"

[[profiles]]
alias = "smart-route-mini"
routes = [{{ upstream = "east", model = "demo-model" }}]

[[plans]]
slug = "free"
name = "Free"
profile = "smart-route-mini"
daily = 50

[[plans]]
slug = "tiny"
name = "Tiny"
profile = "smart-route-mini"
daily = 1
"""
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
# Calls the tool in every turn of the script, so that each answer can be continued.
AGENT = "[[tool f {}]] " + "[[then]] [[tool f {}]] " * 8
Message = dict[str, Any]


class Agent:
    """One account that works through tool calls on chat completions."""

    def __init__(self, gateway: Gateway, plan: str | None = None) -> None:
        account = gateway.account(plan=plan)
        self.gateway = gateway
        self.token = account["token"]
        self.headers = {"Authorization": f"Bearer {self.token}"}

    def ask(self, messages: list[Message], **fields: Any) -> requests.Response:
        body = {"messages": messages, "tools": [TOOL], **fields}
        return requests.post(f"{self.gateway.api}/chat/completions", json=body, headers=self.headers, timeout=20)

    def begin(self, words: str = AGENT) -> list[Message]:
        """Send a prompt that ends in a tool call; return the conversation with the tool's result."""
        messages: list[Message] = [{"role": "user", "content": words}]
        return with_result(messages, self.ask(messages))

    @property
    def used(self) -> int:
        told = requests.get(f"{self.gateway.api}/usage", headers=self.headers, timeout=20).json()
        return int(told["day"]["used"])

    def row(self, answer: requests.Response) -> dict[str, Any]:
        engine = sa.create_engine(self.gateway.database_url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            found = connection.execute(
                sa.text("SELECT kind, counted, reason, status, step FROM usage_log WHERE request_id = :id"),
                {"id": answer.headers["x-request-id"]},
            )
            return dict(found.mappings().one())


def with_result(messages: list[Message], answer: requests.Response) -> list[Message]:
    """Return the conversation with an answer's calls and their results."""
    assert answer.status_code == 200, answer.text
    message = answer.json()["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in message["tool_calls"]]
    return [*messages, message, *results]


def is_cut(agent: Agent, answer: requests.Response) -> bool:
    """Tell whether the row of an answer has been closed as one that its client left."""
    return bool(agent.row(answer)["status"] == "cancelled")


@pytest.fixture(params=DATABASES, scope="module")
def gateway(request: pytest.FixtureRequest, module_gateway_factory: Callable[..., Gateway], demo: Demo) -> Gateway:
    return module_gateway_factory(request.param, workers=2, config=CONFIG.format(cap=CAP, demo=demo.base_url))


@pytest.fixture
def agent(gateway: Gateway) -> Agent:
    return Agent(gateway)


def test_tool_results_continue_a_turn_without_counting(agent: Agent) -> None:
    messages = agent.begin()
    for step in range(1, 4):
        answer = agent.ask(messages)
        messages = with_result(messages, answer)
        row = agent.row(answer)
        assert (row["kind"], row["counted"], row["reason"], row["step"]) == ("continuation", 0, "continuation", step)
    assert agent.used == 1


def test_streamed_continuation_is_free_too(agent: Agent) -> None:
    assert agent.ask(agent.begin(), stream=True).text.endswith("data: [DONE]\n\n")
    assert agent.used == 1


def test_replayed_results_are_an_ordinary_prompt(agent: Agent) -> None:
    messages = agent.begin()
    assert agent.row(agent.ask(messages))["kind"] == "continuation"
    assert agent.row(agent.ask(messages))["kind"] == "prompt"
    assert agent.used == 2


def test_of_many_replays_at_once_exactly_one_is_free(agent: Agent) -> None:
    messages = agent.begin()
    with ThreadPoolExecutor(12) as crowd:
        answers = list(crowd.map(lambda _: agent.ask(messages), range(12)))
    assert [answer.status_code for answer in answers] == [200] * 12
    assert agent.used == 1 + 11


def test_ids_of_another_account_are_an_ordinary_prompt(gateway: Gateway, agent: Agent) -> None:
    stranger = Agent(gateway)
    assert stranger.row(stranger.ask(agent.begin()))["kind"] == "prompt"
    assert stranger.used == 1


@pytest.mark.parametrize("change", [lambda i: "call_" + "0" * 36, lambda i: i[:-1] + ("0" if i[-1] != "0" else "1")])
def test_invented_ids_are_an_ordinary_prompt(agent: Agent, change: Callable[[str], str]) -> None:
    messages = agent.begin()
    call = messages[-2]["tool_calls"][0]
    call["id"] = messages[-1]["tool_call_id"] = change(call["id"])
    assert agent.row(agent.ask(messages))["kind"] == "prompt"


def test_results_of_two_turns_are_an_ordinary_prompt(agent: Agent) -> None:
    first, second = agent.begin(), agent.begin()
    assert agent.row(agent.ask([*first, *second[1:]]))["kind"] == "prompt"
    assert agent.used == 3


def test_a_new_word_of_the_user_begins_a_new_turn(agent: Agent) -> None:
    messages = [*agent.begin(), {"role": "user", "content": "and now this"}]
    assert agent.row(agent.ask(messages))["kind"] == "prompt"


def test_turn_has_at_most_so_many_continuations(agent: Agent) -> None:
    messages = agent.begin()
    kinds = []
    for _ in range(CAP + 1):
        answer = agent.ask(messages)
        kinds.append(agent.row(answer)["kind"])
        messages = with_result(messages, answer)
    assert kinds == ["continuation"] * CAP + ["prompt"]


def test_quota_used_up_in_the_middle_of_a_turn_does_not_end_it(gateway: Gateway) -> None:
    agent = Agent(gateway, plan="tiny")
    messages = agent.begin()
    assert agent.ask([{"role": "user", "content": "more"}]).status_code == 429
    assert agent.ask(messages).status_code == 200
    assert agent.ask(messages).status_code == 429  # the replay is a prompt, and there is none left


def test_continuation_that_failed_may_be_asked_for_again(agent: Agent) -> None:
    messages = agent.begin()
    messages[0]["content"] = "[[status 500]]"
    assert agent.row(agent.ask(messages))["status"] == "failed"
    messages[0]["content"] = AGENT
    assert agent.row(agent.ask(messages))["kind"] == "continuation"
    assert agent.used == 1


def test_continuation_that_was_cut_may_be_asked_for_again_and_counts_towards_the_cap(agent: Agent) -> None:
    messages = agent.begin("[[tool f {}]] [[then]] [[tokens 50]] [[pace 50]]")
    for _ in range(CAP):
        with requests.post(
            f"{agent.gateway.api}/chat/completions",
            json={"messages": messages, "tools": [TOOL], "stream": True},
            headers=agent.headers,
            stream=True,
            timeout=20,
        ) as answer:
            next(answer.iter_content(None))
        wait_until("it is closed", partial(is_cut, agent, answer), timeout_s=5)
        assert agent.row(answer)["kind"] == "continuation"
    assert agent.row(agent.ask(messages))["kind"] == "prompt"


@pytest.mark.parametrize(
    ("age", "kind"), [(timedelta(hours=23, minutes=59), "continuation"), (timedelta(hours=24), "prompt")]
)
def test_answer_can_be_continued_for_a_day(agent: Agent, age: timedelta, kind: str) -> None:
    messages = agent.begin()
    engine = sa.create_engine(agent.gateway.database_url, poolclass=sa.NullPool)
    table = sa.table("usage_log", sa.column("id"), sa.column("started_at", UtcDateTime()))
    with engine.begin() as connection:
        newest = connection.scalar(sa.select(sa.func.max(table.c.id)))
        connection.execute(sa.update(table).where(table.c.id == newest).values(started_at=utcnow() - age))
    assert agent.row(agent.ask(messages))["kind"] == kind


def test_turn_goes_on_from_chat_to_responses_and_by_previous_response(agent: Agent) -> None:
    tool = {"type": "function", "name": "f", "parameters": {"type": "object"}}

    def respond(**body: Any) -> dict[str, Any]:
        answer = requests.post(
            f"{agent.gateway.api}/responses", json={"tools": [tool], **body}, headers=agent.headers, timeout=20
        )
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    made = respond(input=AGENT)
    for _ in range(2):
        [call] = [item for item in made["output"] if item["type"] == "function_call"]
        result = {"type": "function_call_output", "call_id": call["call_id"], "output": "done"}
        made = respond(previous_response_id=made["id"], input=[result])
    assert agent.used == 1
