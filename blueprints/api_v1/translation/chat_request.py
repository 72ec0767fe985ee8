"""A client's chat request as it goes to an upstream of the same dialect. Pure.

What the client sent and the gateway does not own goes on untouched, known or not.
"""

from __future__ import annotations

from typing import Any

# Fields that agents send for their own bookkeeping; they may describe the client's machine.
PRIVATE_FIELDS = ("client_metadata", "internal_chat_message_metadata_passthrough")
# What the profile decides, however it is said: the reasoning depth, and which model of which provider answers.
PROFILE_FIELDS = (
    *("reasoning", "thinking", "enable_thinking", "thinking_budget", "thinking_config", "output_config"),
    *("models", "provider", "route", "plugins", "extra_body"),
)
_TOOL_FIELDS = ("tools", "tool_choice", "parallel_tool_calls")


def to_upstream_chat(
    body: dict[str, Any],
    *,
    model: str,
    stream: bool,
    effort: str | None,
    max_output_tokens: int | None,
    knows_developer: bool = False,
) -> dict[str, Any]:
    """Return the request for an upstream's ``model``.

    ``effort`` replaces whatever depth the client named; None names none. ``max_output_tokens`` is the
    profile's ceiling for one answer. Where an upstream does not know the role ``developer``, and only OpenAI
    does, those messages are given to it as ``system``.
    """
    request = {key: value for key, value in body.items() if value is not None}
    if not knows_developer and any(message.get("role") == "developer" for message in body["messages"]):
        request["messages"] = [_as_system(message) for message in body["messages"]]
    for name in (*PRIVATE_FIELDS, *PROFILE_FIELDS, "reasoning_effort", "stream", "stream_options"):
        request.pop(name, None)
    request["model"] = model
    if stream:
        request["stream"] = True
        request["stream_options"] = {"include_usage": True}  # the usage log wants it, asked for or not
    if not request.get("tools"):
        for name in _TOOL_FIELDS:  # many servers refuse an empty list, or a choice without tools
            request.pop(name, None)
    if "max_completion_tokens" in request:
        request.pop("max_tokens", None)  # its older name, which many servers refuse beside it
    if effort is not None:
        request["reasoning_effort"] = effort
    if max_output_tokens is not None:
        name = "max_completion_tokens" if "max_completion_tokens" in request else "max_tokens"
        request[name] = min(request.get(name, max_output_tokens), max_output_tokens)
    return request


def asked_effort(body: dict[str, Any]) -> object:
    """Return the reasoning depth that the client asks for, in any of the ways that clients know."""
    if body.get("reasoning_effort") is not None:
        return body["reasoning_effort"]
    reasoning = body.get("reasoning")
    return reasoning.get("effort") if isinstance(reasoning, dict) else None


def _as_system(message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "role": "system"} if message.get("role") == "developer" else message
