"""Tools and the choice among them, from the chat dialect to that of Responses. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .chat_answer import listed


def declared_tools(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a chat request's tools in their flat form, the deprecated ``functions`` too."""
    told = [tool for tool in listed(body.get("tools")) if isinstance(tool, dict)]
    told += [{"type": "function", "function": one} for one in listed(body.get("functions")) if isinstance(one, dict)]
    return [_tool(tool) for tool in told]


def declared_functions(body: dict[str, Any]) -> frozenset[str]:
    """Return the names that the client declared as functions: it expects calls of them in that form."""
    return frozenset(str(tool.get("name")) for tool in declared_tools(body) if tool.get("type") == "function")


def uses_legacy_functions(body: dict[str, Any]) -> bool:
    """Tell whether the client knows the deprecated form of calls alone."""
    return bool(body.get("functions")) and not body.get("tools")


def tool_choice(body: dict[str, Any]) -> Any:
    """Return a chat request's choice of tools in its flat form; None when it makes none."""
    told = body.get("tool_choice")
    if told is None:
        legacy = body.get("function_call")
        return {"type": "function", "name": legacy.get("name")} if isinstance(legacy, dict) else legacy
    if not isinstance(told, dict):
        return told
    allowed = told.get("allowed_tools")
    if told.get("type") == "allowed_tools" and isinstance(allowed, dict):
        tools = [_named(tool) for tool in listed(allowed.get("tools")) if isinstance(tool, dict)]
        return {"type": "allowed_tools", "mode": allowed.get("mode", "auto"), "tools": tools}
    return _named(told)


def custom_call_ids(messages: Iterable[Any]) -> frozenset[str]:
    """Return the ids of all custom calls of a conversation: their outputs have a type of their own."""
    return frozenset(
        str(call.get("id"))
        for message in messages
        if isinstance(message, dict)
        for call in listed(message.get("tool_calls"))
        if isinstance(call, dict) and isinstance(call.get("custom"), dict)
    )


def _tool(told: dict[str, Any]) -> dict[str, Any]:
    function, custom = told.get("function"), told.get("custom")
    if isinstance(function, dict):
        shown = {key: function[key] for key in ("name", "description", "parameters") if function.get(key) is not None}
        shown.setdefault("parameters", {"type": "object", "properties": {}})
        # Left out, it means false in chat and true in Responses.
        return {"type": "function", **shown, "strict": bool(function.get("strict"))}
    if isinstance(custom, dict):
        shown = {key: custom[key] for key in ("name", "description") if custom.get(key) is not None}
        form = custom.get("format")
        if isinstance(form, dict):
            grammar = form.get("grammar")
            shown["format"] = {"type": form.get("type"), **(grammar if isinstance(grammar, dict) else {})}
        return {"type": "custom", **shown}
    return told


def _named(told: dict[str, Any]) -> dict[str, Any]:
    kind = told.get("type")
    inner = told.get(str(kind))
    return {"type": kind, "name": inner.get("name")} if isinstance(inner, dict) else told
