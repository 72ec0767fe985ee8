"""Stored responses: chains, deletion, paging, expiry, size; nothing kept where nothing shall be."""

from __future__ import annotations

import json
import random
import string

import pytest

from tests.harness.gateway import Gateway
from tests.responses.client import Responses, text_of, user


def test_chain_of_three_is_told_to_the_upstream_in_order(either: Responses) -> None:
    first = either.create("one", instructions="Only for the first.")
    second = either.create("two", previous_response_id=first["id"])
    third = either.create("[[echo]]", previous_response_id=second["id"])
    sent = json.loads(text_of(third))["body"]
    told = json.dumps(sent.get("messages") or sent["input"])
    places = [told.index(word) for word in ('"one"', '"two"', "[[echo]]")]
    assert places == sorted(places)
    assert "Only for the first." not in told
    assert third["previous_response_id"] == second["id"]


@pytest.mark.parametrize("link", [0, 1])
def test_chain_with_a_deleted_link_is_not_found(either: Responses, link: int) -> None:
    first = either.create("one")
    second = either.create("two", previous_response_id=first["id"])
    gone = [first, second][link]["id"]
    deleted = either.delete(gone)
    assert deleted.json() == {"id": gone, "object": "response.deleted", "deleted": True}
    refused = either.post(input="three", previous_response_id=second["id"])
    error = refused.json()["error"]
    assert refused.status_code == 400
    assert (error["code"], error["param"]) == ("previous_response_not_found", "previous_response_id")
    assert either.get(gone).status_code == either.delete(gone).status_code == 404


def test_refused_chain_counts_nothing(api: Responses) -> None:
    refused = api.post(input="three", previous_response_id="resp_unknown")
    assert refused.status_code == 400
    assert api.rows("usage_log", request_id=refused.headers["x-request-id"]) == []


def test_input_items_come_in_pages(either: Responses) -> None:
    made = either.create([user(f"part {number}") for number in range(5)])

    def page(**query: object) -> tuple[list[str], bool, list[str]]:
        body = either.get(made["id"], "/input_items", **query).json()
        ids = [item["id"] for item in body["data"]]
        assert (body["object"], body["first_id"], body["last_id"]) == ("list", ids[0], ids[-1])
        return [item["content"] for item in body["data"]], body["has_more"], ids

    forwards = [f"part {number}" for number in range(5)]
    assert page()[:2] == (forwards[::-1], False)
    assert page(order="asc")[:2] == (forwards, False)
    contents, more, ids = page(order="asc", limit=2)
    seen = [contents]
    while more:
        contents, more, ids = page(order="asc", limit=2, after=ids[-1])
        seen.append(contents)
    assert seen == [forwards[:2], forwards[2:4], forwards[4:]]


def test_items_without_an_id_are_given_one_by_their_kind(either: Responses) -> None:
    call = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "call_1", "output": "seen"}
    made = either.create([{"role": "user", "content": "Hi"}, call, result, user("And?")])
    items = either.get(made["id"], "/input_items", order="asc").json()["data"]
    assert [item["id"].partition("_")[0] for item in items] == ["msg", "fc", "item", "msg"]


def test_page_after_the_last_item_is_empty(api: Responses) -> None:
    made = api.create("one")
    [item] = api.get(made["id"], "/input_items").json()["data"]
    body = api.get(made["id"], "/input_items", after=item["id"]).json()
    assert body == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "0"), ("limit", "101"), ("limit", "x"), ("order", "up"), ("after", "msg_1")]
)
def test_wrong_page_is_refused_by_name(api: Responses, name: str, value: str) -> None:
    made = api.create("one")
    refused = api.get(made["id"], "/input_items", **{name: value})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, name)


def test_response_that_shall_not_be_stored_leaves_no_row(either: Responses) -> None:
    made = either.create("one", store=False)
    assert either.rows("stored_responses", response_id=made["id"]) == []
    assert either.rows("stored_items", item_id=made["output"][0]["id"]) == []
    assert either.get(made["id"]).status_code == 404
    refused = either.post(input="two", previous_response_id=made["id"])
    assert refused.json()["error"]["code"] == "previous_response_not_found"
    item = {"type": "item_reference", "id": made["output"][0]["id"]}
    assert either.post(input=[item, user("two")]).status_code == 400


def test_reference_stands_for_the_stored_item(either: Responses) -> None:
    made = either.create("[[reply Forty-two it is]]")
    [message] = made["output"]
    sent = either.sent([{"type": "item_reference", "id": message["id"]}])
    assert "Forty-two it is" in json.dumps(sent)


def test_expired_response_is_as_good_as_unknown(either: Responses) -> None:
    made = either.create("one")
    either.write(
        "UPDATE stored_responses SET expires_at = '2020-01-01 00:00:00.000000' WHERE response_id = :id", id=made["id"]
    )
    assert either.get(made["id"]).status_code == 404
    assert either.get(made["id"], "/input_items").status_code == 404
    refused = either.post(input="two", previous_response_id=made["id"])
    assert refused.json()["error"]["code"] == "previous_response_not_found"
    item = {"type": "item_reference", "id": made["output"][0]["id"]}
    assert either.post(input=[item, user("two")]).status_code == 400


@pytest.mark.parametrize("stream", [False, True])
def test_response_too_large_to_store_is_answered_all_the_same(api: Responses, stream: bool) -> None:
    # Letters by chance: they do not compress below the limit.
    told = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=12_000_000))
    if stream:
        answered = api.stream([user(told), user("hello")])
        final = answered.read()[-1]["response"]
    else:
        final = api.create([user(told), user("hello")])
    assert final["status"] == "completed"
    assert api.rows("stored_responses", response_id=final["id"]) == []
    assert api.get(final["id"]).status_code == 404


def test_metadata_is_stored_and_told_again(either: Responses) -> None:
    made = either.create("one", metadata={"ticket": "4711"})
    assert either.get(made["id"]).json()["metadata"] == {"ticket": "4711"}


def test_events_are_not_kept(api: Responses) -> None:
    made = api.create("one")
    refused = api.get(made["id"], stream="true")
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "stream")


def test_deleting_an_account_deletes_what_it_stored(responses_gateway: Gateway) -> None:
    account = responses_gateway.account()
    made = Responses(responses_gateway, account["token"]).create("my secret")
    assert responses_gateway.flask("accounts", "delete", account["email"]).returncode == 0
    again = responses_gateway.account(account["email"])
    assert Responses(responses_gateway, again["token"]).get(made["id"]).status_code == 404
