"""Responses tools as chat tools, the names they get there, and the way back."""

from __future__ import annotations

import re
from typing import Any

import pytest

from blueprints.api_v1.errors import InvalidRequest
from blueprints.api_v1.translation.responses_bridged_tools import BRIDGED_KINDS
from blueprints.api_v1.translation.responses_tools import Tool, chat_choice, tool_table
from tests.translation.responses_machine import NAMESPACE, PATCH_TOOL, function


def names(tools: list[Any]) -> list[str]:
    return list(tool_table(tools).definitions)


def test_function_becomes_a_chat_function() -> None:
    table = tool_table([function("look", description="Look.", strict=True)])
    assert table.definitions["look"] == {
        "type": "function",
        "function": {
            "name": "look",
            "description": "Look.",
            "parameters": {"type": "object", "properties": {}},
            "strict": True,
        },
    }


def test_function_without_parameters_takes_an_empty_object() -> None:
    table = tool_table([{"type": "function", "name": "look", "parameters": None}])
    assert table.definitions["look"]["function"]["parameters"] == {"type": "object", "properties": {}}


def test_conf_064_namespace_flatten_and_back() -> None:
    table = tool_table([NAMESPACE])
    assert list(table.definitions) == ["mcp__files__read", "mcp__files__write"]
    first, second = (definition["function"] for definition in table.definitions.values())
    assert first["description"] == "Files of the project."
    assert "description" not in second
    assert table.called("mcp__files__write") == Tool("function", "write", "mcp__files")
    assert table.wire_name("write", "mcp__files") == "mcp__files__write"


def test_conf_064_long_names() -> None:
    long = "a" * 60 + "b" * 60
    table = tool_table([function(long), function("a" * 70), {**NAMESPACE, "name": "n" * 80}])
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in table.definitions)
    assert len(table.definitions) == 4
    [wire, *_] = table.definitions
    assert re.fullmatch(r"a{55}_[0-9a-f]{8}", wire)
    assert table.called(wire).name == long


def test_conf_064_collision() -> None:
    table = tool_table([function("fs.read"), function("fs/read"), function("fs_read")])
    assert [table.called(wire).name for wire in table.definitions] == ["fs.read", "fs/read", "fs_read"]
    assert next(iter(table.definitions)) == "fs_read"


def test_flat_name_that_looks_like_a_member_is_never_taken_apart() -> None:
    table = tool_table([function("mcp__files__read"), NAMESPACE])
    assert table.called("mcp__files__read") == Tool("function", "mcp__files__read")
    assert table.called(table.wire_name("read", "mcp__files")) == Tool("function", "read", "mcp__files")


def test_conf_064_bare_member_name() -> None:
    table = tool_table([NAMESPACE, {**NAMESPACE, "name": "other", "tools": [function("read")]}])
    assert table.called("write") == Tool("function", "write", "mcp__files")
    assert table.called("read") == Tool("function", "read"), "two members share it"


def test_same_tool_twice_counts_once_as_last_defined() -> None:
    table = tool_table([function("look", description="old")], [function("look", description="new")])
    [definition] = table.definitions.values()
    assert definition["function"]["description"] == "new"


def test_conf_065_custom_tool_wrap() -> None:
    [wire], [definition] = names([PATCH_TOOL]), tool_table([PATCH_TOOL]).definitions.values()
    assert wire == "apply_patch"
    assert definition["function"]["parameters"] == {
        "type": "object",
        "properties": {"input": {"type": "string"}},
        "required": ["input"],
        "additionalProperties": False,
    }
    description = definition["function"]["description"]
    assert description.startswith("Edit files.\n\nPut the whole text in `input`.")
    assert '```lark\nstart: "*** Begin Patch"\n```' in description


def test_custom_tool_inside_a_namespace_stays_custom() -> None:
    table = tool_table([{**NAMESPACE, "tools": [{**PATCH_TOOL, "name": "edit"}]}])
    assert table.called("mcp__files__edit") == Tool("custom", "edit", "mcp__files", is_patch=True)


HOSTED = ["web_search", "web_search_preview_2025_03_11", "image_generation", "tool_search", "file_search",
          "code_interpreter", "computer", "computer_use_preview", "mcp", "programmatic_tool_calling",
          "something_new"]  # fmt: skip


def test_conf_066_hosted_tools_dropped() -> None:
    table = tool_table([*({"type": kind} for kind in HOSTED), function("look")])
    assert list(table.definitions) == ["look"]
    assert [kind for kind, note in zip(HOSTED, table.notes, strict=True) if note.endswith(kind)] == HOSTED
    assert [note for note in table.notes if "unknown" in note] == ["left out the unknown tool type something_new"]


@pytest.mark.parametrize("kind", BRIDGED_KINDS)
def test_tool_that_the_client_runs_becomes_a_function(kind: str) -> None:
    table = tool_table([{"type": kind}])
    [definition] = table.definitions.values()
    assert definition["function"]["name"] == kind
    assert definition["function"]["parameters"]["required"]
    assert table.called(kind) == Tool(kind, kind)  # type: ignore[arg-type]
    assert not table.notes


@pytest.mark.parametrize("kind", BRIDGED_KINDS)
def test_tool_with_a_kind_of_its_own_and_a_function_of_its_name_stay_two(kind: str) -> None:
    for tools in ([{"type": kind}, function(kind)], [function(kind), {"type": kind}]):
        table = tool_table(tools)
        assert {table.called(wire).kind for wire in table.definitions} == {kind, "function"}
        assert table.called(table.wire_name(kind, None, kind)).kind == kind
        assert table.called(table.wire_name(kind, None, "function")).kind == "function"


def test_shell_in_a_container_of_its_vendor_is_left_out() -> None:
    table = tool_table(
        [{"type": "shell", "environment": {"type": kind}} for kind in ("container_auto", "container_reference")]
    )
    assert not table.definitions
    assert table.notes == ["left out the tool type shell"] * 2
    assert tool_table([{"type": "shell", "environment": {"type": "local"}}]).definitions


@pytest.mark.parametrize("kind", ["mcp", "file_search"])
def test_tool_inside_the_input_never_ends_a_turn(kind: str) -> None:
    table = tool_table([], [{"type": kind}, {"type": "function"}, 5, function("look")])
    assert list(table.definitions) == ["look"]
    assert len(table.notes) == 3


@pytest.mark.parametrize(
    ("tool", "code", "param"),
    [
        ({"type": "function"}, "missing_required_parameter", "tools[0].name"),
        ({"type": "function", "name": 5}, "invalid_type", "tools[0].name"),
        ({"name": "look"}, "missing_required_parameter", "tools[0].type"),
        ({**NAMESPACE, "tools": [{"type": "function"}]}, "missing_required_parameter", "tools[0].tools[0].name"),
    ],
)
def test_tool_without_what_names_it_is_refused(tool: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        tool_table([tool])
    assert (raised.value.code, raised.value.param) == (code, param)


TOOLS = [function("look"), PATCH_TOOL, NAMESPACE, {"type": "web_search"}, {"type": "shell"}]


@pytest.mark.parametrize(
    ("choice", "sent", "allowed"),
    [
        (None, None, None),
        ("auto", "auto", None),
        ("none", "none", None),
        ("required", "required", None),
        ({"type": "function", "name": "look"}, "look", None),
        ({"type": "custom", "name": "apply_patch"}, "apply_patch", None),
        ({"type": "function", "name": "read", "namespace": "mcp__files"}, "mcp__files__read", None),
        ({"type": "function", "name": "read"}, "mcp__files__read", None),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "look"}]},
            "required",
            {"look"},
        ),
        (
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [
                    {"type": "namespace", "name": "mcp__files"},
                    {"type": "custom", "name": "apply_patch"},
                    {"type": "web_search"},
                ],
            },
            "auto",
            {"mcp__files__read", "mcp__files__write", "apply_patch"},
        ),
        ({"type": "allowed_tools", "mode": "auto", "tools": []}, "auto", set()),
        ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp"}]}, "auto", set()),
        ({"type": "shell"}, "shell", None),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "shell"}]}, "required", {"shell"}),
    ],
)
def test_conf_068_tool_choice_variants(choice: object, sent: object, allowed: set[str] | None) -> None:
    found, limit = chat_choice(tool_table(TOOLS), choice)
    if isinstance(found, dict):
        found = found["function"]["name"]
    assert (found, limit) == (sent, allowed)


@pytest.mark.parametrize(
    ("choice", "code", "param"),
    [
        ({"type": "web_search"}, "unsupported_value", "tool_choice"),
        ({"type": "apply_patch"}, "invalid_value", "tool_choice"),  # the tool of that name is a custom one
        ({"type": "local_shell"}, "invalid_value", "tool_choice"),
        ({"type": "something_new"}, "unsupported_value", "tool_choice"),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}, {"type": "mcp"}]},
            "unsupported_value",
            "tool_choice.tools",
        ),
        ({"type": "mcp", "server_label": "x", "name": "y"}, "unsupported_value", "tool_choice"),
        ({"type": "function", "name": "absent"}, "invalid_value", "tool_choice"),
        ({"name": "look"}, "invalid_value", "tool_choice"),
        ("sometimes", "invalid_value", "tool_choice"),
        (7, "invalid_value", "tool_choice"),
        ({"type": "allowed_tools", "mode": "never", "tools": []}, "invalid_value", "tool_choice.mode"),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "absent"}]},
            "invalid_value",
            "tool_choice.tools[0]",
        ),
    ],
)
def test_choice_of_a_tool_that_nobody_can_run_is_refused(choice: object, code: str, param: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        chat_choice(tool_table(TOOLS), choice)
    assert (raised.value.code, raised.value.param) == (code, param)
