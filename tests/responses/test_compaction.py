"""Compaction: asked for at its own endpoint or inside a request, brought back as an item, sealed for its account."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.responses.client import Responses, text_of, user

TALK = [user("My cat is called Mia."), {"type": "message", "role": "assistant", "content": "Noted."}]
TRIGGER = {"type": "compaction_trigger"}


def compacted(api: Responses, told: Any = TALK, **fields: Any) -> dict[str, Any]:
    """A compaction, as its endpoint answers it."""
    http_response = api.post("/compact", input=told, **fields)
    assert http_response.status_code == 200, http_response.text
    made: dict[str, Any] = http_response.json()
    return made


def test_compaction_is_one_sealed_item(either: Responses) -> None:
    made = compacted(either)
    assert (made["object"], list(made)) == (
        "response.compaction",
        ["id", "object", "created_at", "output", "usage"],
    )
    [item] = made["output"]
    assert set(item) == {"id", "type", "encrypted_content"}
    assert item["id"].startswith("cmp_")
    assert b"summary" not in base64.urlsafe_b64decode(item["encrypted_content"]).lower()
    assert made["usage"]["total_tokens"] == made["usage"]["input_tokens"] + made["usage"]["output_tokens"] > 0


def test_model_is_shown_the_conversation_and_asked_for_a_summary(either: Responses, demo: Any) -> None:
    compacted(either, instructions="Be brief.", tools=[{"type": "function", "name": "look", "parameters": {}}])
    body = demo.requests()[-1]["body"]
    items = body.get("messages") or body["input"]
    assert "summary" in json.dumps(items[-1])
    assert "Mia" in json.dumps(items)
    assert body["tool_choice"] == "none"
    assert "Be brief." in json.dumps(body)


def test_compaction_that_comes_back_is_opened_for_either_dialect(api: Responses) -> None:
    made = compacted(api)
    for model in ("chat", "native"):
        sent = api.sent(made["output"], model=model)
        first = (sent.get("messages") or sent["input"])[0]
        assert first["role"] in ("system", "developer")
        assert "Summary of the conversation so far" in json.dumps(first["content"])
        assert "encrypted_content" not in json.dumps(sent)


@pytest.mark.parametrize("model", ["chat", "native"])
def test_foreign_or_altered_compaction_is_refused_alike(api: Responses, stranger: Responses, model: str) -> None:
    [foreign] = compacted(stranger)["output"]
    [own] = compacted(api)["output"]
    altered = own["encrypted_content"][:-6] + "AAAAAA"
    told = []
    for sealed in (foreign["encrypted_content"], altered, "nonsense", ""):
        item = {"type": "compaction", "id": "cmp_1", "encrypted_content": sealed}
        refused = api.post(input=[item, user("go on")], model=model)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_encrypted_content")
        told.append(refused.json())
    assert all(each == told[0] for each in told)


def test_compaction_needs_a_model_and_something_to_compact(api: Responses) -> None:
    refused = api.post("/compact", input="hello", model=None)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "model")
    assert refused.json()["error"]["code"] == "missing_required_parameter"
    refused = api.post("/compact")
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "input")


def test_compaction_is_a_counted_prompt_and_keeps_nothing(either: Responses) -> None:
    before = len(either.rows("stored_responses"))
    http_response = either.post("/compact", input=TALK, stream=True)
    assert http_response.headers["Content-Type"] == "application/json"
    row = either.closed_row(http_response.headers["x-request-id"])
    assert (row["endpoint"], row["kind"], row["counted"]) == ("responses/compact", "prompt", 1)
    assert len(either.rows("stored_responses")) == before


def test_stored_conversation_is_compacted_by_its_id(either: Responses, demo: Any) -> None:
    first = either.create("My dog is called Rex.")
    assert compacted(either, None, previous_response_id=first["id"])["output"]
    assert "Rex" in json.dumps(demo.requests()[-1]["body"])


def test_trigger_makes_an_ordinary_stream_of_one_compaction_item(either: Responses) -> None:
    stream = either.stream([*TALK, TRIGGER])
    events = stream.read()
    assert stream.kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.output_item.done",
        "response.completed",
    ]
    assert stream.saw_done
    assert [event["sequence_number"] for event in events] == [0, 1, 2, 3, 4]
    final = events[-1]["response"]
    assert final["output"] == [events[3]["item"]]
    assert events[2]["item"] == {**events[3]["item"], "encrypted_content": ""}
    assert (final["status"], final["object"]) == ("completed", "response")
    assert final["usage"]["output_tokens"] > 0
    assert either.get(stream.id).json() == final
    assert text_of(either.create([*final["output"], user("hi")]))


def test_trigger_without_a_stream_gives_a_response_of_one_compaction_item(either: Responses) -> None:
    made = either.create([*TALK, TRIGGER])
    assert (made["object"], made["status"], [item["type"] for item in made["output"]]) == (
        "response",
        "completed",
        ["compaction"],
    )
    assert either.get(made["id"]).json() == made


def test_chain_goes_on_from_its_compaction_alone(either: Responses) -> None:
    first = either.create("My horse is called Bo.")
    second = either.create([TRIGGER], previous_response_id=first["id"])
    sent = json.dumps(either.sent("x", previous_response_id=second["id"]))
    assert "Summary of the conversation so far" in sent
    assert "Bo" not in sent.partition("Summary of the conversation so far")[0]


def test_trigger_that_is_not_last_asks_for_nothing(api: Responses) -> None:
    made = api.create([TRIGGER, user("hello")])
    assert [item["type"] for item in made["output"]] == ["message"]
