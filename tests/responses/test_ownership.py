"""What belongs to another account is answered exactly like what does not exist: whole bodies are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.responses.client import Responses, user

Ask = Callable[[Responses, str], requests.Response]

ATTACKS: dict[str, Ask] = {
    "get": lambda api, found: api.get(found),
    "delete": lambda api, found: api.delete(found),
    "input_items": lambda api, found: api.get(found, "/input_items"),
    "input_items_after": lambda api, found: api.get(found, "/input_items", after="msg_1", limit=1),
    "cancel": lambda api, found: api.cancel(found),
    "get_events": lambda api, found: api.get(found, stream="true"),
    "previous": lambda api, found: api.post(input="x", previous_response_id=found),
    "previous_stream": lambda api, found: api.post(input="x", previous_response_id=found, stream=True),
    "compact": lambda api, found: api.post("/compact", previous_response_id=found),
    "input_tokens": lambda api, found: api.post("/input_tokens", previous_response_id=found),
    "reference": lambda api, found: api.post(input=[{"type": "item_reference", "id": found}, user("x")]),
}


@pytest.fixture(scope="module")
def secrets(responses_gateway: Any, tokens: list[str]) -> dict[str, str]:
    """Ids of the first account: of a finished response, a running one, and an output item."""
    owner = Responses(responses_gateway, tokens[0])
    made = owner.create("my secret")
    running = owner.stream("[[tokens 1200]] [[pace 50]]")
    return {"finished": made["id"], "running": running.id, "item": made["output"][0]["id"]}


@pytest.mark.parametrize("kind", ["finished", "running", "item"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_foreign_id_is_answered_like_an_unknown_one(
    stranger: Responses, secrets: dict[str, str], attack: str, kind: str
) -> None:
    foreign = secrets[kind]
    unknown = foreign[:-8] + "0" * 8
    told, expected = ATTACKS[attack](stranger, foreign), ATTACKS[attack](stranger, unknown)
    assert told.status_code == expected.status_code
    assert told.status_code in (400, 404)
    assert told.text.replace(foreign, "ID") == expected.text.replace(unknown, "ID")
    kept = {"x-request-id", "date", "x-smartroute-day-reset"}
    assert {name for name in told.headers if name.lower() not in kept} == {
        name for name in expected.headers if name.lower() not in kept
    }


def test_attacks_have_changed_nothing(api: Responses, secrets: dict[str, str]) -> None:
    assert api.get(secrets["finished"]).json()["status"] == "completed"
    assert api.get(secrets["running"]).json()["status"] == "in_progress"
    assert api.cancel(secrets["running"]).json()["status"] == "cancelled"


def test_call_ids_and_items_of_another_account_do_not_continue_its_turn(api: Responses, stranger: Responses) -> None:
    tools = [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}]
    made = api.create("[[tool look {}]]", tools=tools)
    [call] = [item for item in made["output"] if item["type"] == "function_call"]
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "ok"}
    stolen = stranger.post(input=[user("x"), call, output], tools=tools)
    row = stranger.closed_row(stolen.headers["x-request-id"])
    assert (row["kind"], row["counted"]) == ("prompt", 1)
    own = api.post(input=[output], previous_response_id=made["id"], tools=tools)
    row = api.closed_row(own.headers["x-request-id"])
    assert (row["kind"], row["counted"]) == ("continuation", 0)
