"""Tools that the client runs, over a Responses upstream. Pure.

Most servers of this dialect know functions alone and refuse a whole request for a tool of another kind, so
shells and patches are functions here too, as they are over chat.
"""

from __future__ import annotations

from typing import Any

import orjson

from .responses_bridged_tools import BRIDGED_KINDS, arguments_of, call_item, is_bridged, output_of
from .responses_tools import ToolTable

Item = dict[str, Any]

_CALLS = {f"{kind}_call": kind for kind in BRIDGED_KINDS}
_OUTPUTS = frozenset(f"{kind}_call_output" for kind in BRIDGED_KINDS)
_TOOL_ITEMS = ("additional_tools", "tool_search_output")  # agents bring tools along in the middle of a conversation


class NativeBridge:
    """Rewrites one request and its answer; what is no bridged tool passes as it is."""

    def __init__(self, tools: ToolTable) -> None:
        """``tools`` names the request's functions."""
        self._tools = tools
        self._restorable = {wire: tool.kind for wire, tool in tools.tools.items() if tool.kind in BRIDGED_KINDS}

    def body(self, body: Item) -> Item:
        """Return the request with functions in place of bridged tools, and so in its choice; input is ``items``'s."""
        changed: Item = {}
        if isinstance(body.get("tools"), list):
            changed["tools"] = self._functions(body["tools"])
        choice = body.get("tool_choice")
        if isinstance(choice, dict):
            changed["tool_choice"] = self._choice(choice)
            if isinstance(choice.get("tools"), list):
                changed["tool_choice"] = {**choice, "tools": [self._choice(tool) for tool in choice["tools"]]}
        return {**body, **changed}

    def items(self, items: list[Item], known: list[Item]) -> list[Item]:
        """Return items with function calls and their outputs in place of those of bridged tools.

        ``known`` are all items of the conversation, among them the calls that outputs belong to.
        """
        call_ids = {str(item.get("id")): _call_id(item) for item in known if item.get("type") == "local_shell_call"}
        return [self._item(item, call_ids) for item in items]

    def restored(self, told: Any) -> Any:
        """Return an item of the upstream's answer as the client knows it."""
        if not isinstance(told, dict) or told.get("type") != "function_call":
            return told
        kind = self._restorable.get(str(told.get("name")))
        if kind is None:
            return told
        arguments = told.get("arguments")
        text = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
        item = call_item(kind, "", str(told.get("status")), call_id="", arguments=text)
        return {**item, "id": told.get("id"), "call_id": told.get("call_id")}

    def _functions(self, tools: list[Any]) -> list[Any]:
        return [self._function(tool) if isinstance(tool, dict) and is_bridged(tool) else tool for tool in tools]

    def _function(self, tool: Item) -> Item:
        wire = self._tools.wire_name(tool["type"], None, tool["type"])
        # Strict, which is this dialect's default, would ask for every setting of every command.
        return {"type": "function", **self._tools.definitions[wire]["function"], "strict": False}

    def _choice(self, choice: Any) -> Any:
        kind = str(choice.get("type")) if isinstance(choice, dict) else ""
        if kind not in BRIDGED_KINDS:
            return choice
        return {"type": "function", "name": self._tools.wire_name(kind, None, kind)}

    def _item(self, item: Item, call_ids: dict[str, str]) -> Item:
        kind = str(item.get("type"))
        if kind in _CALLS:
            name = self._tools.wire_name(_CALLS[kind], None, _CALLS[kind])
            call_id = _call_id(item)
            return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments_of(item)}
        if kind in _OUTPUTS:
            call_id = _call_id(item)
            output = output_of(item)
            text = output if isinstance(output, str) else orjson.dumps(output).decode()
            return {"type": "function_call_output", "call_id": call_ids.get(call_id, call_id), "output": text}
        if kind in _TOOL_ITEMS and isinstance(item.get("tools"), list):
            return {**item, "tools": self._functions(item["tools"])}
        return item


def _call_id(item: Item) -> str:
    return str(item.get("call_id") or item.get("id"))
