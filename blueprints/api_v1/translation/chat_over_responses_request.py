"""A chat request as a Responses request, for an upstream that has nothing else. Pure.

Fields without a counterpart there are dropped (``seed``, ``logit_bias``, penalties), or done by the gateway
(``stop``, ``n``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .chat_answer import arguments_text, content_of, listed
from .chat_over_responses_tools import custom_call_ids, declared_tools, tool_choice
from .chat_request import PRIVATE_FIELDS, PROFILE_FIELDS

_DROPPED = (
    *PRIVATE_FIELDS,
    *PROFILE_FIELDS,
    "model",
    "messages",
    "stream",
    "stream_options",
    "n",
    "stop",
    "seed",
    "logit_bias",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "max_tokens",
    "max_completion_tokens",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
    "function_call",
    "response_format",
    "verbosity",
    "reasoning_effort",
    "store",
    "prediction",
    "modalities",
    "audio",
    "web_search_options",
)
_FILE_KEYS = ("file_data", "file_id", "filename")


def to_responses_request(
    body: dict[str, Any],
    *,
    model: str,
    stream: bool,
    effort: str | None,
    max_output_tokens: int | None,
    kept_reasoning: Mapping[str, Sequence[dict[str, Any]]] | None = None,
) -> dict[str, Any]:
    """Return the request for an upstream's ``model``; fields that nobody here knows go on under their names.

    ``effort`` replaces the depth that the client named, ``max_output_tokens`` is the profile's ceiling.
    ``kept_reasoning`` holds, by our call id, the reasoning items that this upstream wants back before a call
    (``ChatOverResponses.kept_reasoning``); given, even empty, the upstream is asked for such items.
    """
    request: dict[str, Any] = {key: value for key, value in body.items() if value is not None and key not in _DROPPED}
    request["model"] = model
    request["store"] = False
    request["input"] = _input(listed(body.get("messages")), kept_reasoning or {})
    if stream:
        request["stream"] = True
    asked = body.get("max_completion_tokens") or body.get("max_tokens")
    limits = [limit for limit in (asked, max_output_tokens) if limit is not None]
    if limits:
        request["max_output_tokens"] = min(limits)
    if effort is not None:
        request["reasoning"] = {"effort": effort}
    _set_text(request, body)
    tools = declared_tools(body)
    if tools:
        request["tools"] = tools
        choice = tool_choice(body)
        if choice is not None:
            request["tool_choice"] = choice
        if body.get("parallel_tool_calls") is not None:
            request["parallel_tool_calls"] = body["parallel_tool_calls"]
    include = []
    if body.get("logprobs"):
        include.append("message.output_text.logprobs")
    if kept_reasoning is not None:
        include.append("reasoning.encrypted_content")
    if include:
        request["include"] = include
    return request


def _set_text(request: dict[str, Any], body: dict[str, Any]) -> None:
    text: dict[str, Any] = {}
    told = body.get("response_format")
    if isinstance(told, dict):
        schema = told.get("json_schema")
        inner = schema if told.get("type") == "json_schema" and isinstance(schema, dict) else {}
        text["format"] = {"type": told.get("type"), **{key: inner[key] for key in inner if inner[key] is not None}}
    if body.get("verbosity") is not None:
        text["verbosity"] = body["verbosity"]
    if text:
        request["text"] = text


def _input(messages: list[Any], kept_reasoning: Mapping[str, Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    custom = custom_call_ids(messages)
    items: list[dict[str, Any]] = []
    functions: dict[str, str] = {}  # the deprecated calls have names alone: name -> id of its latest call
    for number, message in enumerate(messages):
        if not isinstance(message, dict):
            continue
        role = message.get("role")
        if role == "assistant":
            items += _assistant(message, kept_reasoning)
            told = message.get("function_call")
            if isinstance(told, dict):
                name = str(told.get("name", ""))
                functions[name] = f"call_{number}"
                items.append(_function_call(functions[name], told))
        elif role in ("tool", "function"):
            call_id = str(message.get("tool_call_id") or functions.get(str(message.get("name")), ""))
            kind = "custom_tool_call_output" if call_id in custom else "function_call_output"
            items.append({"type": kind, "call_id": call_id, "output": _output(message.get("content"))})
        else:
            own_role = "developer" if role in ("system", "developer") else "user"
            items.append({"type": "message", "role": own_role, "content": _parts(message.get("content"))})
    return items


def _assistant(message: dict[str, Any], kept_reasoning: Mapping[str, Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    calls = [call for call in listed(message.get("tool_calls")) if isinstance(call, dict)]
    for call in calls:
        items += [item for item in kept_reasoning.get(str(call.get("id")), ()) if item not in items]
    content: list[dict[str, Any]] = []
    text, refusal = content_of(message), message.get("refusal") or _refusal_part(message)
    if text:
        content.append({"type": "output_text", "text": text, "annotations": []})
    if refusal:
        content.append({"type": "refusal", "refusal": refusal})
    if content:
        items.append({"type": "message", "role": "assistant", "content": content})
    for call in calls:
        call_id = str(call.get("id", ""))
        custom, function = call.get("custom"), call.get("function")
        if isinstance(custom, dict):
            body = {"name": str(custom.get("name", "")), "input": str(custom.get("input") or "")}
            items.append({"type": "custom_tool_call", "call_id": call_id, **body})
        elif isinstance(function, dict):
            items.append(_function_call(call_id, function))
    return items


def _function_call(call_id: str, told: dict[str, Any]) -> dict[str, Any]:
    arguments = arguments_text(told.get("arguments")) or "{}"
    return {"type": "function_call", "call_id": call_id, "name": str(told.get("name", "")), "arguments": arguments}


def _refusal_part(message: dict[str, Any]) -> str:
    parts = [part for part in listed(message.get("content")) if isinstance(part, dict)]
    return "".join(str(part.get("refusal", "")) for part in parts if part.get("type") == "refusal")


def _parts(content: object) -> str | list[dict[str, Any]]:
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    return [part for told in content if isinstance(told, dict) for part in [_part(told)]]


def _part(told: dict[str, Any]) -> dict[str, Any]:
    kind = told.get("type")
    if kind == "text":
        return {"type": "input_text", "text": told.get("text", "")}
    if kind == "image_url" and isinstance(told.get("image_url"), dict):
        image = told["image_url"]
        return {"type": "input_image", "image_url": image.get("url"), "detail": image.get("detail") or "auto"}
    if kind == "file" and isinstance(told.get("file"), dict):
        file = {key: value for key, value in told["file"].items() if key in _FILE_KEYS and value is not None}
        return {"type": "input_file", **file}
    return told  # input_audio has the same form in both dialects; what nobody knows is the upstream's to judge


def _output(content: object) -> str | list[dict[str, Any]]:
    """Return a tool's result: text as one string, which every upstream takes, a list only where it holds more."""
    parts = _parts(content)
    if isinstance(parts, str):
        return parts
    if all(part.get("type") == "input_text" for part in parts):
        return "\n".join(str(part["text"]) for part in parts)
    return parts
