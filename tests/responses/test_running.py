"""Streams that are stored while they run: seen from elsewhere, cancelled from elsewhere, lost with their worker."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import GatewayFactory
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import wait_until
from tests.responses.client import Responses, Stream
from tests.responses.conftest import CONFIG

SLOW = "[[tokens 400]] [[pace 50]]"  # twenty seconds


def running(api: Responses, words: str = SLOW, **fields: object) -> Stream:
    """A stream that has begun to give text."""
    stream = api.stream(words, **fields)
    stream.wait_for("response.output_text.delta")
    return stream


def shown_as(status: str, api: Responses, response_id: str, timeout_s: float) -> dict[str, Any]:
    """The stored response, once it has a status."""

    def found() -> dict[str, Any] | None:
        body: dict[str, Any] = api.get(response_id).json()
        return body if body["status"] == status else None

    return wait_until(f"the response is {status}", found, timeout_s=timeout_s) or {}


def test_running_stream_is_shown_as_in_progress(either: Responses) -> None:
    stream = running(either)
    shown = either.get(stream.id)
    assert shown.status_code == 200
    assert (shown.json()["status"], shown.json()["output"], shown.json()["usage"]) == ("in_progress", [], None)
    assert shown.json() == stream.events[0]["response"]
    assert [item["content"] for item in either.get(stream.id, "/input_items").json()["data"]] == [
        [{"type": "input_text", "text": SLOW}]
    ]
    stream.leave()


def test_cancelled_stream_ends_soon_and_is_stored_as_cancelled(either: Responses, demo: Demo) -> None:
    stream = running(either)
    told = either.cancel(stream.id)
    assert told.status_code == 200, told.text
    assert told.json()["status"] == "cancelled"
    stream.read(timeout_s=2)
    assert stream.saw_done
    assert stream.events[-1]["type"] == "response.incomplete"
    assert stream.events[-1]["response"] == told.json() == either.get(stream.id).json()
    assert [event["sequence_number"] for event in stream.events] == list(range(len(stream.events)))
    [message] = told.json()["output"]
    streamed = [event["delta"] for event in stream.events if event["type"] == "response.output_text.delta"]
    assert message["content"][0]["text"] == "".join(streamed)
    wait_until("the upstream's request ends", lambda: demo.requests()[-1]["outcome"] == "client_gone", timeout_s=2)
    row = either.closed_row(stream.request_id)
    assert (row["status"], row["counted"]) == ("cancelled", 1)


def test_either_worker_cancels_what_the_other_one_streams(api: Responses) -> None:
    # Which worker takes a connection is chance: of six streams cancelled at once some are the other worker's.
    streams = [running(api) for _ in range(6)]
    assert [api.cancel(stream.id).status_code for stream in streams] == [200] * 6
    for stream in streams:
        assert stream.read(timeout_s=3)[-1]["response"]["status"] == "cancelled"


def test_another_machine_cancels_what_this_one_streams(
    responses_gateway: Gateway, gateway_factory: GatewayFactory, tokens: list[str], demo: Demo
) -> None:
    kind = "sqlite" if responses_gateway.database_url.startswith("sqlite") else "mariadb"
    config = CONFIG.format(demo=demo.base_url)
    other = gateway_factory(kind, config=config, database_url=responses_gateway.database_url)
    here, there = Responses(responses_gateway, tokens[0]), Responses(other, tokens[0])
    stream = running(here)
    assert there.get(stream.id).json()["status"] == "in_progress"
    assert there.cancel(stream.id).json()["status"] == "cancelled"
    assert stream.read(timeout_s=2)[-1]["response"] == here.get(stream.id).json()


def test_cancelling_before_the_first_output_gives_the_prompt_back(gateway_factory: GatewayFactory, demo: Demo) -> None:
    # Nothing has left before the first output, so nobody knows the id: the first keep-alive tells it.
    config = CONFIG.format(demo=demo.base_url)
    gateway = gateway_factory("sqlite", config=config)
    api = Responses(gateway, gateway.account(plan="all")["token"])
    stream = api.stream("[[wait 19]]")
    assert api.cancel(stream.id).json()["status"] == "cancelled"
    stream.read(timeout_s=2)
    assert stream.kinds == ["response.created", "response.in_progress", "keepalive", "response.incomplete"]
    row = api.closed_row(stream.request_id)
    assert (row["status"], row["counted"]) == ("cancelled", 0)


def test_cancelling_twice_tells_the_same(api: Responses) -> None:
    stream = running(api)
    assert api.cancel(stream.id).json() == api.cancel(stream.id).json()


def test_finished_response_cannot_be_cancelled(api: Responses) -> None:
    made = api.create("hello")
    told = api.cancel(made["id"])
    assert (told.status_code, told.json()["error"]["code"]) == (400, "invalid_value")
    assert api.get(made["id"]).json() == made


def test_stream_that_its_client_leaves_is_stored_as_cancelled(either: Responses) -> None:
    stream = running(either)
    response_id = stream.id
    stream.leave()
    shown = shown_as("cancelled", either, response_id, timeout_s=5)
    assert shown["output"][0]["status"] == "incomplete"


def test_stream_that_fails_is_stored_as_it_was_streamed(either: Responses) -> None:
    stream = either.stream("[[tokens 30]] [[pace 10]] [[drop 20]]")
    last = stream.read()[-1]
    assert last["type"] == "response.failed"
    assert either.get(stream.id).json() == last["response"]
    assert last["response"]["status"] == "failed"


def test_stream_that_is_finished_is_stored_before_it_says_so(either: Responses) -> None:
    stream = either.stream("[[tokens 5]]")
    last = stream.read()[-1]
    assert last["type"] == "response.completed"
    assert either.get(stream.id).json() == last["response"]
    [row] = either.rows("stored_responses", response_id=stream.id)
    assert row["owner_id"] is None


def test_streams_that_end_at_once_are_stored_as_ended(either: Responses) -> None:
    # Their end comes while the database still writes their beginning.
    with ThreadPoolExecutor(16) as pool:
        streams = list(pool.map(lambda _: either.stream("[[tokens 1]] [[burst]]"), range(48)))
    for stream in streams:
        assert stream.read()[-1]["type"] == "response.completed"
    shown = [either.get(stream.id).json() for stream in streams]
    assert shown == [stream.events[-1]["response"] for stream in streams]


def test_request_that_fails_before_its_header_leaves_nothing_stored(either: Responses) -> None:
    before = len(either.rows("stored_responses"))
    assert either.post(input="[[status 500]]", stream=True).status_code == 502
    assert len(either.rows("stored_responses")) == before


def test_stream_that_shall_not_be_stored_writes_nothing(either: Responses) -> None:
    stream = running(either, "[[tokens 40]] [[pace 20]]", store=False)
    assert either.rows("stored_responses", response_id=stream.id) == []
    assert either.get(stream.id).status_code == 404
    assert either.cancel(stream.id).status_code == 404
    assert stream.read()[-1]["type"] == "response.completed"
    assert either.rows("stored_responses", response_id=stream.id) == []


def test_running_response_deleted_meanwhile_stays_deleted(api: Responses) -> None:
    stream = running(api, "[[tokens 20]] [[pace 20]]")
    assert api.delete(stream.id).status_code == 200
    assert stream.read()[-1]["type"] == "response.completed"
    assert api.get(stream.id).status_code == 404


def test_running_response_cannot_be_built_upon(api: Responses) -> None:
    stream = running(api)
    refused = api.post(input="more", previous_response_id=stream.id)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "previous_response_id")
    stream.leave()


@pytest.mark.parametrize("database", ["sqlite", "mariadb"])
def test_response_of_a_killed_worker_is_shown_as_failed(
    gateway_factory: GatewayFactory, demo: Demo, database: str
) -> None:
    gateway = gateway_factory(database, config=CONFIG.format(demo=demo.base_url))
    api = Responses(gateway, gateway.account(plan="all")["token"])
    stream = running(api)
    response_id = stream.id
    gateway.kill9_worker()
    shown = shown_as("failed", api, response_id, timeout_s=25)
    assert shown["error"]["code"] == "server_error"
    assert api.cancel(response_id).status_code == 400
