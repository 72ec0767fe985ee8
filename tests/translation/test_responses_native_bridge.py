"""Shells and patches over a Responses upstream: functions there, items of their own to the client."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from blueprints.api_v1.translation.responses_bridged_tools import BRIDGED_KINDS
from blueprints.api_v1.translation.responses_native_bridge import NativeBridge
from blueprints.api_v1.translation.responses_tools import tool_table
from tests.translation.native_wire import call, completed, message, numbered, read, translator
from tests.translation.responses_machine import check_items, function
from tests.translation.test_responses_bridged_tools import GIVEN, RESTORED, arguments

Item = dict[str, Any]


def bridge(*tools: Item) -> NativeBridge:
    return NativeBridge(tool_table(list(tools)))


@pytest.mark.parametrize("kind", BRIDGED_KINDS)
def test_bridged_tool_and_its_choice_become_a_function(kind: str) -> None:
    tools = [{"type": kind}, function("look"), {"type": "web_search"}]
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": kind}, {"type": "function", "name": "look"}]}
    for choice, sent in (
        ({"type": kind}, {"type": "function", "name": kind}),
        ("auto", "auto"),
        (allowed, {**allowed, "tools": [{"type": "function", "name": kind}, {"type": "function", "name": "look"}]}),
    ):
        body = bridge(*tools).body({"tools": tools, "tool_choice": choice, "x": 1})
        first, *others = body["tools"]
        assert (first["type"], first["name"], first["strict"]) == ("function", kind, False)
        assert others == tools[1:]
        assert (body["tool_choice"], body["x"]) == (sent, 1)


@pytest.mark.parametrize("kind", BRIDGED_KINDS)
def test_function_of_the_same_name_keeps_its_name(kind: str) -> None:
    tools = [{"type": kind}, function(kind)]
    sent = bridge(*tools).body({"tools": tools})["tools"]
    assert sent[1] == function(kind)
    assert sent[0]["name"].startswith(f"{kind}_")
    told = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": kind, "arguments": "{}"}
    assert bridge(*tools).restored(told) is told
    assert bridge(*tools).restored({**told, "name": sent[0]["name"]})["type"] == f"{kind}_call"


@pytest.mark.parametrize("kind", BRIDGED_KINDS)
def test_history_of_bridged_tools_becomes_function_calls(kind: str) -> None:
    made = {"type": f"{kind}_call", "id": "x_1", "call_id": "call_1", "status": "completed", **RESTORED[kind]}
    back = {"type": f"{kind}_call_output", "call_id": "call_1", "output": [{"stdout": "a"}], "status": "completed"}
    items = [{"role": "user", "content": "Hi"}, made, back]
    user, sent, answer = bridge({"type": kind}).items(items, items)
    assert user is items[0]
    assert (sent["type"], sent["call_id"], sent["name"]) == ("function_call", "call_1", kind)
    assert orjson.loads(sent["arguments"]) == GIVEN[kind]
    assert answer == {"type": "function_call_output", "call_id": "call_1", "output": '[{"stdout":"a"}]'}


def test_output_that_names_the_item_is_led_to_its_call() -> None:
    made = {"type": "local_shell_call", "id": "lsh_1", "call_id": "call_1", "action": {"command": ["ls"]}}
    back = {"type": "local_shell_call_output", "id": "lsh_1", "output": "a.py"}
    assert bridge().items([back], [made, back])[0]["call_id"] == "call_1"


def test_tools_that_come_inside_the_input_are_bridged_too() -> None:
    late = {"type": "additional_tools", "role": "developer", "tools": [{"type": "shell"}, function("look")]}
    other = {"type": "mcp_list_tools", "tools": [{"type": "local_shell"}]}
    shown = NativeBridge(tool_table(None, late["tools"])).items([late, other], [late, other])
    assert [tool["name"] for tool in shown[0]["tools"]] == ["shell", "look"]
    assert shown[1] is other


@pytest.mark.parametrize("kind", BRIDGED_KINDS)
def test_streamed_call_is_restored(kind: str) -> None:
    whole = arguments(kind)
    begun, deltas, ended = call(1, kind, [whole[:9], whole[9:]])
    events = numbered([*message(0, ["Hi"]), *begun, *deltas, *ended, completed()])
    stream = translator(restored=bridge({"type": kind}).restored)
    out = read(stream.feed(events) + stream.finish())
    check_items(out)
    assert [event["type"] for event in out if event.get("output_index") == 1] == [
        "response.output_item.added",
        "response.output_item.done",
    ]
    item = out[-1]["response"]["output"][1]
    assert (item["type"], item["status"]) == (f"{kind}_call", "completed")
    assert item["call_id"].startswith("call_")
    key = "operation" if kind == "apply_patch" else "action"
    assert item[key] == RESTORED[kind][key]


@pytest.mark.parametrize("kind", BRIDGED_KINDS)
def test_whole_answer_is_restored(kind: str) -> None:
    told = {"id": "fc_BACKEND", "type": "function_call", "call_id": "BACKEND", "name": kind, "status": "completed"}
    answer = {"status": "completed", "output": [{**told, "arguments": arguments(kind)}], "usage": None}
    [item] = translator(restored=bridge({"type": kind}).restored).whole(answer)["output"]
    key = "operation" if kind == "apply_patch" else "action"
    assert (item["type"], item[key]) == (f"{kind}_call", RESTORED[kind][key])
    assert "BACKEND" not in str(item)
