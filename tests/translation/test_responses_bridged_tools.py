"""Shells and patches that the client runs: functions to the upstream, items of their own to the client."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from blueprints.api_v1.errors import UpstreamIncomplete
from blueprints.api_v1.translation.responses_bridged_tools import BRIDGED_KINDS, call_item
from tests.translation.responses_conversation import messages, output, user
from tests.translation.responses_machine import Told, call, checked, end, machine, no_tokens, text

EXEC = {"command": ["bash", "-lc", "pwd"], "timeout_ms": 5000, "working_directory": "/home/me", "env": {"A": "1"}}
COMMANDS = {"commands": ["ls", "pwd"], "timeout_ms": 1000, "max_output_length": 4096}
PATCH = {"type": "update_file", "path": "a.py", "diff": "@@\n-1\n+2\n"}
GIVEN: dict[str, dict[str, Any]] = {"local_shell": EXEC, "shell": COMMANDS, "apply_patch": PATCH}
RESTORED: dict[str, dict[str, Any]] = {
    "local_shell": {"action": {"type": "exec", **EXEC}},
    "shell": {"action": COMMANDS, "environment": {"type": "local"}},
    "apply_patch": {"operation": PATCH},
}


def arguments(kind: str) -> str:
    return json.dumps(GIVEN[kind])


def task(kind: str, told: str) -> dict[str, Any]:
    item = call_item(kind, "x_1", "completed", call_id="call_1", arguments=told)
    found = item["operation" if kind == "apply_patch" else "action"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("kind", BRIDGED_KINDS)
def test_call_of_a_bridged_tool_is_restored(kind: str, size: int) -> None:
    whole = arguments(kind)
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    told = checked([*text("Let me look."), *call(0, *pieces, name=kind), *end("tool_calls")], tools=[{"type": kind}])
    item = told.final["output"][1]
    call_id = item.pop("call_id")
    assert call_id.startswith("call_")
    assert item == {"id": item["id"], "type": f"{kind}_call", "status": "completed", **RESTORED[kind]}
    assert [event["type"] for event in told.events if event.get("output_index") == 1] == [
        "response.output_item.added",
        "response.output_item.done",
    ]
    begun = told.of("output_item.added")[1]["item"]
    assert begun["call_id"] == call_id
    assert not begun.get("action", {}).get("command")
    assert not begun.get("operation", {}).get("path")


@pytest.mark.parametrize("kind", BRIDGED_KINDS)
def test_whole_answer_restores_the_same_call(kind: str) -> None:
    function = {"name": kind, "arguments": arguments(kind)}
    answer = {"choices": [{"message": {"content": None, "tool_calls": [{"id": "u", "function": function}]}}]}
    [item] = machine(tools=[{"type": kind}]).whole(answer, estimate=no_tokens)["output"]
    assert {key: item[key] for key in RESTORED[kind]} == RESTORED[kind]


def test_parallel_calls_of_all_kinds_keep_their_places() -> None:
    chunks = [
        *call(0, '{"command":', name="local_shell"),
        *call(1, arguments("shell"), name="shell"),
        *call(0, '["pwd"]}'),
        *call(2, arguments("apply_patch"), name="apply_patch"),
    ]
    told = checked([*chunks, *end("tool_calls")], tools=[{"type": kind} for kind in BRIDGED_KINDS])
    output_items = told.final["output"]
    assert [item["type"] for item in output_items] == ["local_shell_call", "shell_call", "apply_patch_call"]
    assert output_items[0]["action"] == {"type": "exec", "command": ["pwd"], "env": {}}


@pytest.mark.parametrize("kind", BRIDGED_KINDS)
def test_call_that_was_cut_off_runs_nothing(kind: str) -> None:
    cut = arguments(kind)[:-20]
    told = checked([*call(0, cut, name=kind), *end("length")], tools=[{"type": kind}])
    [item] = told.final["output"]
    assert told.final["status"] == "incomplete"
    assert item["status"] == ("in_progress" if kind == "apply_patch" else "incomplete")
    assert not item.get("action", {}).get("command")
    assert not item.get("action", {}).get("commands")
    assert item.get("operation", {}).get("path", "") == ""


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ('{"command":"ls -la"}', ["bash", "-lc", "ls -la"]),
        ('{"action":{"command":["ls"]}}', ["ls"]),
        ('{"command":["rm",7]}', []),
        ('{"command":{"rm":"x"}}', []),
        ('["ls"]', []),
        ("ls -la", []),
        ("", []),
    ],
)
def test_command_is_what_the_model_wrote_or_nothing(told: str, expected: list[str]) -> None:
    assert task("local_shell", told) == {"type": "exec", "command": expected, "env": {}}


def test_settings_of_the_wrong_type_are_left_out() -> None:
    odd = {"command": ["ls"], "timeout_ms": True, "working_directory": 5, "env": {"A": 1, "B": "2"}, "user": ""}
    assert task("local_shell", json.dumps(odd)) == {"type": "exec", "command": ["ls"], "env": {"B": "2"}}
    assert task("shell", '{"commands":"ls","timeout_ms":1500.0}') == {
        "commands": ["ls"], "timeout_ms": 1500, "max_output_length": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"operation": PATCH}, PATCH),
        ({"type": "delete_file", "path": "a", "diff": "x"}, {"type": "delete_file", "path": "a"}),
        ({"type": "create_file", "path": "a"}, {"type": "create_file", "path": "a", "diff": ""}),
        ({"type": ["x"], "path": None, "diff": 5}, {"type": "update_file", "path": "", "diff": ""}),
    ],
)
def test_operation_of_a_patch_has_the_keys_of_its_kind(told: object, expected: dict[str, str]) -> None:
    assert task("apply_patch", json.dumps(told)) == expected


@pytest.mark.parametrize("kind", BRIDGED_KINDS)
def test_call_that_comes_back_is_the_call_that_the_model_made(kind: str) -> None:
    item = call_item(kind, "x_1", "completed", call_id="call_1", arguments=arguments(kind))
    back = {"type": f"{kind}_call_output", "call_id": "call_1", "output": "done"}
    found = messages([user("Go"), item, back], tools=[{"type": kind}])
    [made] = found[1]["tool_calls"]
    assert made["function"]["name"] == kind
    assert orjson.loads(made["function"]["arguments"]) == GIVEN[kind]
    assert found[2] == {"role": "tool", "tool_call_id": "call_1", "content": "done"}


def test_history_names_the_tool_as_this_request_does() -> None:
    function = {"type": "function", "name": "local_shell", "parameters": {"type": "object", "properties": {}}}
    item = call_item("local_shell", "lsh_1", "completed", call_id="call_1", arguments='{"command":["ls"]}')
    tools = [function, {"type": "local_shell"}]
    [made] = messages([item, output("call_1")], tools=tools)[0]["tool_calls"]
    assert made["function"]["name"].startswith("local_shell_")


@pytest.mark.parametrize("key", ["call_id", "id"])
@pytest.mark.parametrize("of", ["call", "item"])
def test_local_shell_output_is_paired_by_either_id_of_its_call(key: str, of: str) -> None:
    item = call_item("local_shell", "lsh_1", "completed", call_id="call_1", arguments='{"command":["ls"]}')
    told = {"type": "local_shell_call_output", key: "call_1" if of == "call" else "lsh_1", "output": "a.py"}
    found = messages([item, told])
    assert found[1] == {"role": "tool", "tool_call_id": "call_1", "content": "a.py"}


def test_outputs_without_a_text_are_told_all_the_same() -> None:
    shell = [{"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]
    items = [
        call_item("shell", "sh_1", "completed", call_id="call_1", arguments="{}"),
        call_item("apply_patch", "apc_1", "completed", call_id="call_2", arguments="{}"),
        output("call_1", shell, "shell_call_output"),
        {"type": "apply_patch_call_output", "call_id": "call_2", "status": "failed"},
    ]
    told = [message["content"] for message in messages(items)[1:]]
    assert (orjson.loads(told[0]), told[1]) == (shell, "failed")


def test_stream_that_fails_in_a_call_shows_an_empty_one() -> None:
    translator = machine(tools=[{"type": "local_shell"}])
    raw = translator.feed(call(0, '{"command":["rm","-rf"', name="local_shell"))
    told = Told(raw + translator.fail(UpstreamIncomplete()), translator)
    [item] = told.final["output"]
    assert (item["status"], item["action"]["command"]) == ("incomplete", [])
