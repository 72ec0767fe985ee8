"""What becomes of a client's fields on their way to an upstream: dropped, changed, said in another way, and why."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from .translation.chat_request import PRIVATE_FIELDS, PROFILE_FIELDS

_SAID_AS: dict[str, tuple[str, ...]] = {
    "messages": ("input",),
    "input": ("messages",),
    "prompt": ("messages", "input"),
    "instructions": ("messages",),
    "text": ("response_format", "verbosity"),
    "response_format": ("text",),
    "verbosity": ("text",),
    "max_output_tokens": ("max_tokens", "max_completion_tokens"),
    "max_tokens": ("max_completion_tokens", "max_output_tokens"),
    "max_completion_tokens": ("max_output_tokens",),
    "reasoning_effort": ("reasoning",),
    "reasoning": ("reasoning_effort",),
    "functions": ("tools",),
    "function_call": ("tool_choice",),
    "logprobs": ("include",),
    "previous_response_id": ("messages", "input"),
}
_BY_THE_GATEWAY = {
    "store": "the gateway stores responses itself",
    "previous_response_id": "the gateway sends the conversation along",
    "stream_options": "the gateway asks for the usage itself",
    "background": "answers run while the client listens",
    "truncation": "the gateway does not shorten conversations",
    "n": "the gateway makes one upstream call for each choice",
    "best_of": "the gateway makes one upstream call for each choice",
    "echo": "the gateway puts the prompt in front itself",
    "suffix": "it is part of the prompt's words",
}
_CHANGED = {
    "model": "the route's model in place of the alias",
    "messages": "instructions of the role developer go as system",
    "input": "ids and states of items are the gateway's own",
    "tools": "written as this upstream knows them; what nobody would run is left out",
    "tool_choice": "written as this upstream knows it",
    "reasoning_effort": "the profile's depth, or the nearest lower one that the model knows",
    "reasoning": "the profile's depth, or the nearest lower one that the model knows",
    "stream_options": "the gateway asks for the usage itself",
    "include": "what this upstream gives",
}
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")


class Change(Struct, frozen=True):
    """One field of the client: ``what`` is dropped, changed or renamed."""

    field: str
    what: str
    why: str


def changes(body: dict[str, Any], sent: dict[str, Any]) -> list[Change]:
    """Return what became of the fields of ``body`` in ``sent``; fields that go on as they are do not appear."""
    found = []
    for name, value in body.items():
        if value is None or (name in sent and sent[name] == value):
            continue
        if name in sent:
            found.append(Change(name, "changed", _why_changed(name, sent)))
            continue
        others = [other for other in _SAID_AS.get(name, ()) if other in sent]
        if others:
            found.append(Change(name, "renamed", f"said in {', '.join(others)}"))
        elif value is not False and value != [] and value != {}:
            found.append(Change(name, "dropped", _why_dropped(name)))
    return found


def _why_changed(name: str, sent: dict[str, Any]) -> str:
    if name in _LIMITS:
        return f"the profile allows {sent[name]} tokens for one answer"
    return _CHANGED.get(name, "written as this upstream knows it")


def _why_dropped(name: str) -> str:
    if name in PRIVATE_FIELDS:
        return "it may describe the client's machine"
    if name in PROFILE_FIELDS or name == "reasoning_effort":
        return "the profile decides on depth and model; this route takes no other word for it"
    if name in ("tools", "tool_choice", "parallel_tool_calls"):
        return "no tool is left that the client would run"
    return _BY_THE_GATEWAY.get(name, "this upstream's API does not have it")
