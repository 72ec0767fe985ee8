"""A Responses request as it goes to an upstream of the same dialect. Pure.

What the client sent and the gateway does not own goes on untouched. The gateway owns what it stores itself
(``previous_response_id``, ``store``, the ids of items), the model, the reasoning depth, and its secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import orjson
from msgspec import Struct

from ..errors import InvalidRequest
from .chat_answer import listed
from .chat_request import PRIVATE_FIELDS, PROFILE_FIELDS

# Fields that the gateway answers by itself, or whose meaning hangs on an upstream's own storage.
_OWN_FIELDS = (
    "model",
    "reasoning_effort",
    "previous_response_id",
    "conversation",
    "store",
    "stream",
    "stream_options",
    "background",
    "truncation",
    "context_management",
    "moderation",
    "image",
    "background_options",
    "access_programs",
    "prompt",
)
_CLIENT_TOOLS = frozenset({"function", "custom", "namespace"})  # every other kind runs behind the upstream
_MESSAGE = ("type", "role", "content", "phase")
_ITEM_KEYS: dict[str, tuple[str, ...]] = {
    "message": _MESSAGE,
    "function_call": ("type", "call_id", "name", "arguments", "namespace"),
    "function_call_output": ("type", "call_id", "output"),
    "custom_tool_call": ("type", "call_id", "name", "input", "namespace"),
    "custom_tool_call_output": ("type", "call_id", "output"),
}
# History of tools that run behind an upstream: the message after it carries the result.
_HOSTED_HISTORY = frozenset(
    {"web_search_call", "file_search_call", "image_generation_call", "code_interpreter_call", "computer_call"}
    | {"computer_call_output", "mcp_call", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response"}
)
_TOOL_SEARCH = ("tool_search_call", "tool_search_output")


class NativeRequest(Struct, frozen=True):
    """The request's ``body``, and the kinds of tools and items that were left out of it, for the log."""

    body: dict[str, Any]
    left_out: tuple[str, ...]


def to_native_request(
    body: dict[str, Any],
    *,
    model: str,
    stream: bool,
    effort: str | None,
    max_output_tokens: int | None,
    history: Sequence[dict[str, Any]] = (),
    hosted: Collection[str] = (),
    unseal: Callable[[str], dict[str, Any] | None] | None = None,
) -> NativeRequest:
    """Return the request for an upstream's ``model``.

    ``history`` holds the stored items that come before ``input``; references and compactions are resolved.
    ``effort`` replaces the depth that the client named, ``max_output_tokens`` is the profile's ceiling,
    ``hosted`` names the kinds of tools that the upstream runs itself. ``unseal`` opens what ``seal`` of
    ``NativeResponses`` made for this same upstream, and returns None for anything else.

    Raises:
        InvalidRequest: ``tool_choice`` forces a tool that nobody runs.
    """
    request = {
        key: value
        for key, value in body.items()
        if value is not None and key not in (*_OWN_FIELDS, *PRIVATE_FIELDS, *PROFILE_FIELDS)
    }
    told = body.get("input")
    given = [{"type": "message", "role": "user", "content": told}] if isinstance(told, str) else told or []
    items = [item for item in (*history, *given) if isinstance(item, dict)]
    left_out: list[str] = []
    more_tools = [tool for item in items for tool in _tools_in(item, hosted)]
    request["model"] = model
    request["store"] = False
    request["input"] = [item for one in items for item in _item(one, hosted, unseal, left_out)]
    if stream:
        request["stream"] = True
    _set_tools(request, [*(body.get("tools") or []), *more_tools], hosted, left_out)
    _set_depth(request, body, items, effort)
    if max_output_tokens is not None:
        asked = request.get("max_output_tokens", max_output_tokens)
        request["max_output_tokens"] = min(asked, max_output_tokens)
    return NativeRequest(request, tuple(sorted(set(left_out))))


def _item(
    item: dict[str, Any],
    hosted: Collection[str],
    unseal: Callable[[str], dict[str, Any] | None] | None,
    left_out: list[str],
) -> list[dict[str, Any]]:
    """Return what goes on of one item: itself without its bookkeeping, or nothing.

    Ids and states of items are the gateway's own; an upstream that stores nothing could not know them.
    """
    kind = item.get("type") or "message"
    if kind == "reasoning":
        return _reasoning(item, unseal)
    if kind == "agent_message":
        return [{"type": "message", "role": "user", "content": _agent_text(item)}]
    if kind == "compaction":
        raise InvalidRequest(
            "A compaction item of this request is not one of ours.", code="invalid_encrypted_content", param="input"
        )
    if kind in _HOSTED_HISTORY or kind in ("additional_tools", "configuration_update", "compaction_trigger"):
        return []
    if kind in _TOOL_SEARCH and "tool_search" not in hosted:
        return []
    if kind in _ITEM_KEYS:
        kept = {key: item[key] for key in _ITEM_KEYS[kind] if item.get(key) is not None}
        return [{**kept, "type": kind}]
    if kind == "item_reference":
        left_out.append(kind)
        return []
    return [{key: value for key, value in item.items() if key not in (*PRIVATE_FIELDS, "id")}]


def _reasoning(item: dict[str, Any], unseal: Callable[[str], dict[str, Any] | None] | None) -> list[dict[str, Any]]:
    """Return a reasoning item that this upstream made; it would refuse any other one."""
    sealed = item.get("encrypted_content")
    opened = unseal(sealed) if unseal is not None and isinstance(sealed, str) else None
    if opened is None:
        return []
    kept: dict[str, Any] = {"type": "reasoning", "summary": item.get("summary") or []}
    if item.get("content"):
        kept["content"] = item["content"]
    return [{**kept, **{key: opened[key] for key in ("id", "encrypted_content") if opened.get(key)}}]


def _tools_in(item: dict[str, Any], hosted: Collection[str]) -> list[Any]:
    """Return the tools that an item brings along: agents add some in the middle of a conversation."""
    kind = item.get("type")
    if kind == "additional_tools" or (kind == "tool_search_output" and "tool_search" not in hosted):
        tools = item.get("tools")
        return tools if isinstance(tools, list) else []
    return []


def _set_tools(request: dict[str, Any], tools: list[Any], hosted: Collection[str], left_out: list[str]) -> None:
    found: dict[bytes, Any] = {}  # by their text: comparing each with all others takes quadratic time
    for tool in tools:
        kind = tool.get("type") if isinstance(tool, dict) else None
        if isinstance(kind, str) and (kind in _CLIENT_TOOLS or kind in hosted):
            found.setdefault(orjson.dumps(tool, option=orjson.OPT_SORT_KEYS), tool)
        else:
            left_out.append(str(kind)[:64])
    kept = list(found.values())
    choice = request.get("tool_choice")
    forced = str(choice["type"]) if isinstance(choice, dict) and choice.get("type") is not None else None
    if forced == "allowed_tools" and isinstance(choice, dict):
        allowed = [
            tool
            for tool in listed(choice.get("tools"))
            if isinstance(tool, dict) and (str(tool.get("type")) in _CLIENT_TOOLS or str(tool.get("type")) in hosted)
        ]
        request["tool_choice"] = {**choice, "tools": allowed}
    elif forced is not None and forced not in _CLIENT_TOOLS and forced not in hosted:
        raise InvalidRequest(
            "tool_choice: this tool cannot be run here.", code="unsupported_value", param="tool_choice"
        )
    if kept:
        request["tools"] = kept
        return
    for name in ("tools", "tool_choice", "parallel_tool_calls"):  # many servers refuse a choice without tools
        request.pop(name, None)


def _set_depth(request: dict[str, Any], body: dict[str, Any], items: list[dict[str, Any]], effort: str | None) -> None:
    """Set reasoning and text as they stand after all that the conversation changed of them."""
    settings = {name: dict(body[name]) for name in ("reasoning", "text") if isinstance(body.get(name), dict)}
    for item in items:
        if item.get("type") == "configuration_update":
            for name in ("reasoning", "text"):
                if isinstance(item.get(name), dict):
                    settings.setdefault(name, {}).update(item[name])
    reasoning = settings.setdefault("reasoning", {})
    reasoning.pop("effort", None)
    if effort is not None:
        reasoning["effort"] = effort
    for name, value in settings.items():
        if value:
            request[name] = value


def _agent_text(item: dict[str, Any]) -> str:
    content = item.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))
