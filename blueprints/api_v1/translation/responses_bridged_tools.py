"""Tools that have kinds of their own and that the client itself runs: shells and patches. Pure.

Upstreams know functions, so each such tool is shown to them as one, and its calls are restored to the items
that the client waits for. What a model writes is never guessed into a command: arguments that make no sense
become an empty one, which the client refuses.

Source: https://platform.openai.com/docs/api-reference/responses/object (local_shell_call, shell_call,
apply_patch_call)
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import orjson
from msgspec import Struct

BridgedKind = Literal["local_shell", "shell", "apply_patch"]
BRIDGED_KINDS: tuple[BridgedKind, ...] = get_args(BridgedKind)
ITEM_PREFIXES = {"local_shell": "lsh_", "shell": "sh_", "apply_patch": "apc_"}

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_TIMEOUT = {"type": "integer", "description": "Milliseconds after which the command is ended."}
_OPERATIONS = ("create_file", "update_file", "delete_file")


class Definition(Struct, frozen=True):
    """A tool as a function: ``parameters`` is a JSON schema."""

    description: str
    parameters: dict[str, Any]


def _parameters(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


DEFINITIONS: dict[BridgedKind, Definition] = {
    "local_shell": Definition(
        "Runs a command on the user's machine and returns its output. `command` is the program followed by its "
        'arguments, such as ["bash", "-lc", "ls -la"].',
        _parameters(
            {
                "command": _TEXTS,
                "timeout_ms": _TIMEOUT,
                "working_directory": _TEXT,
                "env": {"type": "object", "additionalProperties": _TEXT},
            },
            "command",
        ),
    ),
    "shell": Definition(
        "Runs shell commands on the user's machine and returns the output of each. They may run at the same time.",
        _parameters(
            {
                "commands": _TEXTS,
                "timeout_ms": _TIMEOUT,
                "max_output_length": {"type": "integer", "description": "Most characters of output to return."},
            },
            "commands",
        ),
    ),
    "apply_patch": Definition(
        "Creates, updates or deletes one file. `diff` of a new file holds its lines, each after a `+`. `diff` of "
        "an update holds hunks: a line `@@`, with the function or class it is in where that helps, then lines "
        "after a space (kept), `-` (removed) or `+` (added), with three kept lines around each change. Line "
        "numbers are not used. To delete a file leave `diff` out.",
        _parameters(
            {"type": {"type": "string", "enum": list(_OPERATIONS)}, "path": _TEXT, "diff": _TEXT}, "type", "path"
        ),
    ),
}


def is_bridged(tool: dict[str, Any]) -> bool:
    """Tell whether a tool is run by the client; a shell may also ask for a container of its vendor's."""
    if tool.get("type") not in BRIDGED_KINDS:
        return False
    place = tool.get("environment")
    return not (isinstance(place, dict) and str(place.get("type")).startswith("container"))


def call_item(kind: str, item_id: str, status: str, *, call_id: str, arguments: str) -> dict[str, Any]:
    """Return the call of a bridged tool as its client knows it."""
    if kind == "apply_patch" and status == "incomplete":
        status = "in_progress"  # this kind has no other word for it
    item = {"id": item_id, "type": f"{kind}_call", "status": status, "call_id": call_id, **_task(kind, arguments)}
    if kind == "shell":
        item["environment"] = {"type": "local"}
    return item


def arguments_of(item: dict[str, Any]) -> str:
    """Return what a call of a bridged tool was given, as the arguments of its function."""
    told = item.get("operation" if item.get("type") == "apply_patch_call" else "action")
    if not isinstance(told, dict):
        return "{}"
    is_exec = item.get("type") == "local_shell_call"
    kept = {key: value for key, value in told.items() if value not in (None, {}) and not (is_exec and key == "type")}
    return orjson.dumps(kept).decode()


def output_of(item: dict[str, Any]) -> object:
    """Return what a client tells of a call that it has carried out; a patch may have a status alone."""
    output = item.get("output")
    return item.get("status") if output is None and item.get("type") == "apply_patch_call_output" else output


def _task(kind: str, arguments: str) -> dict[str, Any]:
    told = _read(arguments)
    if kind == "apply_patch":
        inner = told.get("operation")
        return {"operation": _operation(inner if isinstance(inner, dict) else told)}
    inner = told.get("action")
    told = inner if isinstance(inner, dict) else told
    return {"action": _exec(told) if kind == "local_shell" else _commands(told)}


def _exec(told: dict[str, Any]) -> dict[str, Any]:
    command = told.get("command")
    env = told.get("env")
    action: dict[str, Any] = {
        "type": "exec",
        "command": ["bash", "-lc", command] if isinstance(command, str) else _texts(command),
        "env": {key: value for key, value in env.items() if isinstance(value, str)} if isinstance(env, dict) else {},
    }
    if (timeout_ms := _count(told.get("timeout_ms"))) is not None:
        action["timeout_ms"] = timeout_ms
    for key in ("working_directory", "user"):
        if isinstance(told.get(key), str) and told[key]:
            action[key] = told[key]
    return action


def _commands(told: dict[str, Any]) -> dict[str, Any]:
    commands = told.get("commands", told.get("command"))
    return {
        "commands": [commands] if isinstance(commands, str) else _texts(commands),
        "timeout_ms": _count(told.get("timeout_ms")),
        "max_output_length": _count(told.get("max_output_length")),
    }


def _operation(told: dict[str, Any]) -> dict[str, str]:
    kind, path, diff = told.get("type"), told.get("path"), told.get("diff")
    operation = {
        "type": kind if isinstance(kind, str) and kind in _OPERATIONS else "update_file",
        "path": path if isinstance(path, str) else "",
    }
    if operation["type"] != "delete_file":
        operation["diff"] = diff if isinstance(diff, str) else ""
    return operation


def _read(arguments: str) -> dict[str, Any]:
    try:
        told = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _texts(told: object) -> list[str]:
    """Return a list of strings; one that holds anything else is not run in part."""
    return told if isinstance(told, list) and all(isinstance(text, str) for text in told) else []


def _count(told: object) -> int | None:
    return int(told) if isinstance(told, int | float) and not isinstance(told, bool) and told > 0 else None
