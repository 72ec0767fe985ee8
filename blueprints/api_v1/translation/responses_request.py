"""A Responses request as a chat request. Pure.

Read once for all attempts (``read_request``), then written for each upstream (``to_upstream_chat``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from ..errors import InvalidRequest
from .chat_request import PRIVATE_FIELDS, PROFILE_FIELDS
from .responses_capabilities import Capabilities
from .responses_items import Conversation, Lookup, OpenSealed, read_items
from .responses_messages import CallExtras, chat_messages
from .responses_tools import ToolTable, chat_choice, tool_table

INCLUDES = frozenset(
    {
        "reasoning.encrypted_content",
        "message.output_text.logprobs",
        "file_search_call.results",
        "web_search_call.results",
        "web_search_call.action.sources",
        "message.input_image.image_url",
        "computer_call_output.output.image_url",
        "code_interpreter_call.outputs",
    }
)
_SAME_NAME = (
    "temperature", "top_p", "presence_penalty", "frequency_penalty", "service_tier", "user", "safety_identifier",
    "prompt_cache_key",
)  # fmt: skip
# Everything that the Responses API knows itself: written in chat's own way or not at all. The rest goes on.
_OWN_FIELDS = frozenset(
    {
        *_SAME_NAME, *PRIVATE_FIELDS, *PROFILE_FIELDS, "model", "input", "instructions", "previous_response_id",
        "conversation", "store", "stream", "stream_options", "background", "include", "max_output_tokens",
        "top_logprobs", "text", "tools", "tool_choice", "parallel_tool_calls", "max_tool_calls", "truncation",
        "metadata", "prompt_cache_options", "prompt_cache_retention", "context_management", "moderation", "image",
        "background_options", "access_programs", "prompt",
        # chat's names for what is decided here
        "messages", "n", "reasoning_effort", "max_tokens", "max_completion_tokens",
    }
)  # fmt: skip


class Asked(Struct, frozen=True):
    """A request that has been read: its body with the settings of its input, its conversation, its tools."""

    body: dict[str, Any]
    conversation: Conversation
    tools: ToolTable
    notes: tuple[str, ...]


def check_responses_request(body: dict[str, Any]) -> None:
    """Refuse what this gateway cannot do and must not leave out; types have been checked before.

    Raises:
        InvalidRequest: naming the field.
    """
    if body.get("conversation") is not None:
        beside = " beside previous_response_id" if body.get("previous_response_id") is not None else ""
        raise _unsupported("conversation", f"conversations are not kept here and cannot be used{beside}")
    if body.get("prompt") is not None:
        raise _unsupported("prompt", "there are no stored prompts here; send instructions and input")
    if body.get("background"):
        raise _unsupported("background", "responses are not made in the background; use stream")
    for place, name in enumerate(body.get("include") or []):
        if name not in INCLUDES:
            path = f"include[{place}]"
            raise InvalidRequest(f"{path}: expected one of {', '.join(sorted(INCLUDES))}.", param=path)
    given = body.get("input")
    if given is None and body.get("previous_response_id") is None:
        raise InvalidRequest("input: this field is required.", code="missing_required_parameter", param="input")
    _response_format(body)


def asked_responses_effort(body: dict[str, Any]) -> object:
    """Return the reasoning depth that the client asks for; settings inside the input win."""
    reasoning = _with_updates(body, _updates_in(body.get("input"))).get("reasoning")
    effort = reasoning.get("effort") if isinstance(reasoning, dict) else None
    return effort if effort is not None else body.get("reasoning_effort")


def read_request(
    body: dict[str, Any], *, history: Iterable[dict[str, Any]], open_sealed: OpenSealed, lookup: Lookup
) -> Asked:
    """Return what is asked; ``history`` are the items of the earlier responses of a chain, in order.

    Raises:
        InvalidRequest: what no upstream could make sense of, naming the field.
    """
    check_responses_request(body)
    conversation = read_items(body.get("input"), history=history, open_sealed=open_sealed, lookup=lookup)
    asked = _with_updates(body, conversation.updates)
    _response_format(asked)
    tools = tool_table(asked.get("tools"), conversation.late_tools)
    chat_choice(tools, asked.get("tool_choice"))
    if not conversation.entries and not asked.get("instructions"):
        raise InvalidRequest("input: expected at least one item.", param="input")
    return Asked(asked, conversation, tools, (*conversation.notes, *tools.notes))


def to_upstream_chat(
    asked: Asked,
    *,
    model: str,
    stream: bool,
    effort: str | None,
    max_output_tokens: int | None,
    capabilities: Capabilities,
    call_extras: CallExtras,
) -> dict[str, Any]:
    """Return the request for an upstream's ``model``.

    ``effort`` replaces whatever depth the client named; None names none. ``max_output_tokens`` is the
    profile's ceiling for one answer. ``call_extras`` as in ``chat_messages``.

    Raises:
        InvalidRequest: an image or file that this upstream cannot take.
    """
    body = asked.body
    request = {key: value for key, value in body.items() if key not in _OWN_FIELDS and value is not None}
    request.update((name, body[name]) for name in _SAME_NAME if body.get(name) is not None)
    request["model"] = model
    request["messages"] = chat_messages(
        asked.conversation,
        asked.tools,
        instructions=body.get("instructions"),
        can=capabilities,
        call_extras=call_extras,
    )
    if stream:
        request["stream"] = True
        request["stream_options"] = {"include_usage": True}  # the usage log wants it
    if effort is not None:
        request["reasoning_effort"] = effort
    limit = _output_limit(body, max_output_tokens)
    if limit is not None:
        request[capabilities.max_tokens_field] = limit
    _add_text_settings(request, body)
    _add_tools(request, body, asked.tools, capabilities)
    return request


def _output_limit(body: dict[str, Any], ceiling: int | None) -> int | None:
    for name in ("max_output_tokens", "max_completion_tokens", "max_tokens"):
        limit = body.get(name)
        if isinstance(limit, int) and not isinstance(limit, bool):
            return limit if ceiling is None else min(limit, ceiling)
    return ceiling


def _add_text_settings(request: dict[str, Any], body: dict[str, Any]) -> None:
    told = _response_format(body)
    if told is not None:
        request["response_format"] = told
    text = body.get("text")
    if isinstance(text, dict) and text.get("verbosity") is not None:
        request["verbosity"] = text["verbosity"]
    wanted = body.get("top_logprobs")
    if wanted or wants_logprobs(body):
        request["logprobs"] = True
        if wanted:
            request["top_logprobs"] = wanted


def wants_logprobs(body: dict[str, Any]) -> bool:
    """Tell whether the client asks for the probabilities of the answer's tokens."""
    return "message.output_text.logprobs" in (body.get("include") or [])


def _add_tools(request: dict[str, Any], body: dict[str, Any], tools: ToolTable, can: Capabilities) -> None:
    choice, allowed = chat_choice(tools, body.get("tool_choice"))
    sent = [
        definition if can.strict_tools else _loose(definition)
        for wire, definition in tools.definitions.items()
        if allowed is None or wire in allowed
    ]
    if not sent:  # many servers refuse an empty list, or a choice without tools
        return
    request["tools"] = sent
    if choice is not None:
        is_forced = choice not in ("auto", "none")
        request["tool_choice"] = "auto" if is_forced and not can.forced_choice else choice
    if body.get("parallel_tool_calls") is not None:
        request["parallel_tool_calls"] = body["parallel_tool_calls"]


def _loose(definition: dict[str, Any]) -> dict[str, Any]:
    function = {key: value for key, value in definition["function"].items() if key != "strict"}
    return {"type": "function", "function": function}


def _response_format(body: dict[str, Any]) -> dict[str, Any] | None:
    text = body.get("text")
    told = text.get("format") if isinstance(text, dict) else None
    if told is None:
        return None
    kind = told.get("type") if isinstance(told, dict) else None
    if kind == "text":
        return None
    if kind == "json_object":
        return {"type": "json_object"}
    if kind != "json_schema" or not isinstance(told, dict):
        path = "text.format.type"
        raise InvalidRequest(f"{path}: expected text, json_object or json_schema.", param=path)
    for key, expected in (("name", str), ("schema", dict)):
        if not isinstance(told.get(key), expected):
            code = "missing_required_parameter" if told.get(key) is None else "invalid_type"
            kind_name = "a string" if expected is str else "an object"
            path = f"text.format.{key}"
            raise InvalidRequest(f"{path}: expected {kind_name}.", code=code, param=path)
    schema = {key: told[key] for key in ("name", "description", "schema", "strict") if told.get(key) is not None}
    return {"type": "json_schema", "json_schema": schema}


def _updates_in(items: object) -> list[dict[str, Any]]:
    return [
        item
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict) and item.get("type") == "configuration_update"
    ]


def _with_updates(body: dict[str, Any], updates: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the body with the settings that came inside its input; the last one wins."""
    if not updates:
        return body
    merged = dict(body)
    for update in updates:
        for name in ("reasoning", "text"):
            if isinstance(update.get(name), dict):
                earlier = merged.get(name)
                merged[name] = {**(earlier if isinstance(earlier, dict) else {}), **update[name]}
    return merged


def _unsupported(param: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"{param}: {why}.", code="unsupported_parameter", param=param)
