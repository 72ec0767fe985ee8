"""Input items as chat messages: turns put together, outputs beside their calls, nothing unknown passed on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprints.api_v1.errors import InvalidRequest
from blueprints.api_v1.translation.responses_capabilities import Capabilities, Reasoning
from blueprints.api_v1.translation.responses_items import read_items
from blueprints.api_v1.translation.responses_messages import chat_messages
from blueprints.api_v1.translation.responses_tools import tool_table
from tests.translation.responses_conversation import (
    Item,
    call,
    messages,
    opened,
    output,
    read,
    said,
    sealed,
    sent,
    tool,
    turn,
    user,
)
from tests.translation.responses_machine import NAMESPACE, PATCH_TOOL, function


def test_conf_057_string_input() -> None:
    assert messages("Hi") == [{"role": "user", "content": "Hi"}]


def test_conf_057_message_without_type() -> None:
    assert messages([{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]) == messages("Hi")


def test_conf_057_content_string() -> None:
    assert messages([{"type": "message", "role": "assistant", "content": "Yes"}, user("Hi")]) == [
        {"role": "assistant", "content": "Yes"},
        {"role": "user", "content": "Hi"},
    ]


def test_conf_058_merge_parallel_calls() -> None:
    items = [user("Hi"), call("a"), call("b"), output("b", "2"), output("a", "1"), user("More")]
    assert messages(items)[1:] == [turn("a", "b"), tool("a", "1"), tool("b", "2"), {"role": "user", "content": "More"}]


def test_conf_059_output_before_later_call() -> None:
    items = [call("a"), call("b"), output("a"), call("c"), output("b"), output("c")]
    assert messages(items) == [turn("a", "b", "c"), tool("a"), tool("b"), tool("c")]


def test_calls_after_all_outputs_are_the_next_turn() -> None:
    items = [call("a"), output("a"), call("b"), output("b")]
    assert messages(items) == [turn("a"), tool("a"), turn("b"), tool("b")]


def test_conf_060_assistant_text_between_call_and_output() -> None:
    items = [said("I look."), call("a"), said("Looking."), output("a"), said("Seen.")]
    assert messages(items) == [
        turn("a", content="I look.\n\nLooking."),
        tool("a"),
        {"role": "assistant", "content": "Seen."},
    ]


def test_conf_061_missing_output_aborted() -> None:
    items = [call("a"), call("b"), output("b"), user("Go on")]
    assert messages(items)[1:3] == [tool("a", "aborted"), tool("b")]


def test_conf_061_orphan_output_400() -> None:
    with pytest.raises(InvalidRequest) as raised:
        messages([user("Hi"), output("call_9")])
    assert raised.value.message == "No tool call found for function call output with call_id call_9."
    assert raised.value.param == "input"


def test_conf_062_repeated_call_ids_across_turns() -> None:
    items = [call("call_0"), output("call_0", "1"), said("x"), call("call_0"), output("call_0", "2")]
    assert [message["content"] for message in messages(items) if message["role"] == "tool"] == ["1", "2"]


def test_second_output_of_one_call_is_left_out_with_a_note() -> None:
    items = [call("a"), output("a", "1"), output("a", "2")]
    assert messages(items) == [turn("a"), tool("a", "1")]
    assert read(items).notes == ("left out a second output of the same call",)


def test_local_shell_call_without_call_id_is_paired_by_its_id() -> None:
    items = [
        {"type": "local_shell_call", "id": "lsh_1", "action": {"type": "exec", "command": ["pwd"]}},
        {"type": "local_shell_call_output", "id": "lsh_1", "output": "/home/me"},
    ]
    found = messages(items)
    assert found[0]["tool_calls"][0]["function"]["name"] == "local_shell"
    assert found[1] == tool("lsh_1", "/home/me")


def test_call_of_a_namespace_and_of_a_custom_tool_go_back_under_their_wire_names() -> None:
    custom = {"type": "custom_tool_call", "call_id": "b", "name": "apply_patch", "input": 'a "b"\n'}
    items = [call("a", "read", namespace="mcp__files"), custom, output("a"), output("b", "", "custom_tool_call_output")]
    functions = [entry["function"] for entry in messages(items, tools=[NAMESPACE, PATCH_TOOL])[0]["tool_calls"]]
    assert functions == [
        {"name": "mcp__files__read", "arguments": "{}"},
        {"name": "apply_patch", "arguments": '{"input":"a \\"b\\"\\n"}'},
    ]


@pytest.mark.parametrize(
    ("arguments", "sent", "strictly_sent"),
    [
        ('{"a":1}', '{"a":1}', '{"a":1}'),
        ("", "{}", "{}"),
        (None, "{}", "{}"),
        ({"a": 1}, '{"a":1}', '{"a":1}'),
        ("not JSON", "not JSON", '{"_raw":"not JSON"}'),
        ("[1]", "[1]", '{"_raw":"[1]"}'),
    ],
)
def test_call_arguments_are_sent_as_the_upstream_can_read_them(arguments: Any, sent: str, strictly_sent: str) -> None:
    for can, expected in ((Capabilities(), sent), (Capabilities(object_arguments=True), strictly_sent)):
        [message, _] = messages([call("a", arguments=arguments)], can=can)
        assert message["tool_calls"][0]["function"]["arguments"] == expected


def test_call_ids_take_the_form_that_the_upstream_wants() -> None:
    items = [call("call_abcdefgh"), output("call_abcdefgh"), call("b"), output("b")]
    nine = messages(items, can=Capabilities(call_ids="nine"))
    assert all(len(m["tool_call_id"]) == 9 and m["tool_call_id"].isalnum() for m in nine if m["role"] == "tool")
    kimi = messages(items, can=Capabilities(call_ids="kimi"))
    assert [m["tool_call_id"] for m in kimi if m["role"] == "tool"] == ["functions.look:0", "functions.look:1"]
    assert kimi[0]["tool_calls"][0]["id"] == "functions.look:0"


def test_what_an_upstream_wants_back_with_a_call_is_put_back() -> None:
    calls = messages([call("signed"), call("other")])[0]["tool_calls"]
    assert calls[0]["extra_content"] == {"sig": 1}
    assert "extra_content" not in calls[1]


def test_conf_067_additional_tools_and_tool_search_output_join_tools() -> None:
    items = [
        {"type": "additional_tools", "role": "developer", "tools": [function("listen")]},
        {"type": "tool_search_call", "call_id": "t", "arguments": {}},
        {"type": "tool_search_output", "call_id": "t", "tools": [NAMESPACE]},
        user("Hi"),
    ]
    request = sent(items, tools=[function("look")])
    names = [entry["function"]["name"] for entry in request["tools"]]
    assert names == ["look", "listen", "mcp__files__read", "mcp__files__write"]
    assert request["messages"] == [{"role": "user", "content": "Hi"}]


def developer(text: str) -> Item:
    return {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": text}]}


def test_conf_069_developer_items_leading_joined() -> None:
    items = [developer("Two."), {"role": "system", "content": "Three."}, user("Hi")]
    assert messages(items, instructions="One.")[0] == {"role": "system", "content": "One.\n\nTwo.\n\nThree."}
    several = messages(items, instructions="One.", can=Capabilities(several_system=True))
    assert [message["role"] for message in several] == ["system", "system", "system", "user"]


def test_conf_069_late_system_policy() -> None:
    items = [user("Hi"), developer("Late.")]
    assert messages(items)[1] == {"role": "user", "content": "Late."}
    assert messages(items, can=Capabilities(late_system=True))[1] == {"role": "system", "content": "Late."}


def reasoned(**more: Any) -> Item:
    return {"type": "reasoning", "id": "rs_1", "summary": [], **more}


DETAILS = [{"type": "reasoning.encrypted", "data": "x"}]


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (reasoned(encrypted_content=sealed(kind="reasoning", text="blob"), summary=[{"text": "s"}]), "blob"),
        (reasoned(content=[{"type": "reasoning_text", "text": "content"}], summary=[{"text": "s"}]), "content"),
        (reasoned(summary=[{"type": "summary_text", "text": "s"}], encrypted_content=None), "s"),
        (reasoned(summary=[{"type": "summary_text", "text": "s"}], encrypted_content="foreign"), "s"),
        (reasoned(encrypted_content=sealed(kind="compaction", text="no")), ""),
    ],
)
def test_conf_070_reasoning_item_roundtrip(item: Item, text: str) -> None:
    can = Capabilities(reasoning=Reasoning("always", "reasoning_content"))
    assert messages([user("Hi"), item, said("Yes")], can=can)[1]["reasoning_content"] == text


@pytest.mark.parametrize(
    ("policy", "sent"),
    [
        (Reasoning("never"), [None, None, None]),
        (Reasoning("tool_turns", "reasoning"), ["why", None, None]),
        (Reasoning("always", "reasoning"), ["why", "then", ""]),
    ],
)
def test_reasoning_goes_back_where_the_model_wants_it(policy: Reasoning, sent: list[str | None]) -> None:
    items = [
        reasoned(content=[{"type": "reasoning_text", "text": "why"}]), call("a"), output("a"),
        reasoned(content=[{"type": "reasoning_text", "text": "then"}]), said("So."), user("Hi"), said("Yes."),
    ]  # fmt: skip
    found = messages(items, can=Capabilities(reasoning=policy))
    assert [message.get("reasoning") for message in found if message["role"] == "assistant"] == sent


def test_sealed_details_go_back_unchanged() -> None:
    item = reasoned(encrypted_content=sealed(kind="reasoning", text="t", details=DETAILS))
    can = Capabilities(reasoning=Reasoning("tool_turns", "reasoning_details"))
    assert messages([item, call("a")], can=can)[0]["reasoning_details"] == DETAILS


@pytest.mark.parametrize(
    ("field", "east", "west"), [("reasoning_details", DETAILS, None), ("reasoning_content", "whole", "shown")]
)
def test_sealed_reasoning_is_opened_for_the_upstream_that_it_came_from(field: Any, east: Any, west: Any) -> None:
    blob = sealed(kind="reasoning", text="whole", details=DETAILS, upstream="east")
    item = reasoned(encrypted_content=blob, summary=[{"type": "summary_text", "text": "shown"}])
    for name, expected in (("east", east), ("west", west)):
        can = Capabilities(reasoning=Reasoning("tool_turns", field), upstream=name)
        assert messages([item, call("a")], can=can)[0].get(field) == expected


def test_reasoning_that_led_to_nothing_is_no_message() -> None:
    can = Capabilities(reasoning=Reasoning("always"))
    assert messages([reasoned(summary=[{"text": "s"}]), user("Hi")], can=can) == [{"role": "user", "content": "Hi"}]


def test_conf_071_unknown_items_dropped() -> None:
    items = [{"type": "world_state", "x": 1}, {"type": "web_search_call", "id": "ws_1"}, user("Hi")]
    assert messages(items) == [{"role": "user", "content": "Hi"}]
    assert read(items).notes == ("left out an input item of the type world_state",)


def test_conf_071_unknown_item_keys_stripped() -> None:
    private = {"internal_chat_message_metadata_passthrough": {"path": "secret"}, "phase": "commentary"}
    items = [{**user("Hi"), **private, "id": "m", "status": "completed"}, {**call("a"), **private}]
    items[0]["content"][0]["internal"] = "secret"
    assert "secret" not in json.dumps(messages(items))
    assert set(messages(items)[0]) == {"role", "content"}


def test_conf_072_item_reference() -> None:
    items = [{"type": "item_reference", "id": "msg_1"}, {"id": "fc_1"}, output("a")]
    found = messages(items, stored={"msg_1": said("Before."), "fc_1": call("a")})
    assert found == [turn("a", content="Before."), tool("a")]


def test_reference_to_an_item_of_the_same_chain_needs_no_lookup() -> None:
    history = [user("Hi"), {**said("Yes."), "id": "msg_7"}]
    assert len(messages([{"type": "item_reference", "id": "msg_7"}], history=history)) == 2


def test_conf_072_unknown_item_reference_400() -> None:
    with pytest.raises(InvalidRequest) as raised:
        messages([{"type": "item_reference", "id": "msg_1"}])
    assert raised.value.param == "input"


def test_conf_072_previous_response() -> None:
    history = [user("Hi"), call("a")]
    found = messages([output("a")], history=history, previous_response_id="resp_0", instructions="Be brief.")
    assert found == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        turn("a"),
        tool("a"),
    ]


def test_compaction_of_ours_is_a_developer_message() -> None:
    items = [{"type": "compaction", "encrypted_content": sealed(kind="compaction", text="So far: x.")}, user("Hi")]
    assert messages(items)[0] == {"role": "system", "content": "So far: x."}


@pytest.mark.parametrize("foreign", ["gAAAA", sealed(kind="reasoning", text="x"), None])
def test_compaction_of_others_is_refused(foreign: str | None) -> None:
    with pytest.raises(InvalidRequest) as raised:
        messages([{"type": "compaction", "encrypted_content": foreign}])
    assert raised.value.code == "invalid_encrypted_content"


def test_message_of_another_agent_is_the_users() -> None:
    items = [{"type": "agent_message", "content": [{"type": "input_text", "text": "Done."}]}]
    assert messages(items) == [{"role": "user", "content": "Done."}]


def test_refusal_is_the_assistants_text() -> None:
    items = [{"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}]
    assert messages(items) == [{"role": "assistant", "content": "No."}]


@pytest.mark.parametrize(
    ("item", "param"),
    [("text", "input[0]"), ({"type": "function_call", "name": "look"}, "input[0].call_id")],
)
def test_item_that_makes_no_sense_is_named(item: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        messages([item])
    assert raised.value.param == param


def test_equal_conversations_make_equal_messages() -> None:
    items = [user("Hi"), call("a"), output("a")]
    conversation = read_items(items, history=[], open_sealed=opened, lookup=lambda _: None)
    written = [
        chat_messages(conversation, tool_table([]), instructions=None, can=Capabilities(), call_extras=lambda _: None)
        for _ in range(2)
    ]
    assert written[0] == written[1]
