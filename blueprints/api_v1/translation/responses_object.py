"""The response object with every key that a client may rely on, and the output items inside it.

Source: https://platform.openai.com/docs/api-reference/responses/object
"""

from __future__ import annotations

from typing import Any

from . import chat_answer
from .chat_answer import Tokens

_FUNCTION_KEYS = ("description", "parameters", "strict")
# The kinds that the object's schema knows; clients that check it would fail on any other.
_TOOL_KINDS = frozenset(
    {
        "function", "custom", "namespace", "local_shell", "shell", "apply_patch", "file_search", "computer",
        "computer_use_preview", "web_search", "web_search_2025_08_26", "web_search_preview",
        "web_search_preview_2025_03_11", "mcp", "code_interpreter", "image_generation", "tool_search",
        "programmatic_tool_calling",
    }
)  # fmt: skip
_CHOICE_KINDS = frozenset({"allowed_tools", "function", "custom", "shell", "apply_patch"})
_FORMAT_KEYS = ("type", "name", "description", "schema", "strict")


def response_base(body: dict[str, Any], *, response_id: str, created_at: int, alias: str) -> dict[str, Any]:
    """Return the object of a response that has just begun; ``created_at`` is in Unix seconds."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": created_at,
        "completed_at": None,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": body.get("max_tool_calls"),
        "metadata": _given(body, "metadata", {}),
        "model": alias,
        "output": [],
        "parallel_tool_calls": _given(body, "parallel_tool_calls", True),
        "previous_response_id": body.get("previous_response_id"),
        "prompt_cache_key": body.get("prompt_cache_key"),
        "reasoning": _reasoning(body.get("reasoning")),
        "safety_identifier": body.get("safety_identifier"),
        "service_tier": "default",
        "store": _given(body, "store", True),
        "temperature": _given(body, "temperature", 1.0),
        "top_p": _given(body, "top_p", 1.0),
        "presence_penalty": _given(body, "presence_penalty", 0.0),
        "frequency_penalty": _given(body, "frequency_penalty", 0.0),
        "top_logprobs": _given(body, "top_logprobs", 0),
        "text": _text(body.get("text")),
        "tool_choice": _choice(body.get("tool_choice")),
        "tools": [_tool(tool) for tool in body.get("tools") or [] if _is_known(tool)],
        "truncation": "disabled",
        "usage": None,
    }


def ended_response(
    base: dict[str, Any],
    status: str,
    output: list[dict[str, Any]],
    *,
    usage: dict[str, Any] | None,
    completed_at: int | None = None,
    incomplete: str | None = None,
    error: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return the object of a response that has ended; counts that nobody told are 0, never missing."""
    return {
        **base,
        "status": status,
        "completed_at": completed_at,
        "error": error,
        "incomplete_details": None if incomplete is None else {"reason": incomplete},
        "output": output,
        "usage": usage or usage_of(Tokens(0, 0)),
    }


def usage_from_chat(told: object) -> tuple[dict[str, Any], Tokens] | None:
    """Return the usage of a chat answer as Responses tells it, and its token counts; None when it holds none."""
    shown = chat_answer.usage(told)
    counts = chat_answer.tokens(shown)
    if shown is None or counts is None:
        return None
    written = shown.get("prompt_tokens_details", {}).get("cache_write_tokens")
    if written is None and isinstance(told, dict):
        written = chat_answer.count(told.get("cache_creation_input_tokens"))  # Anthropic's name
    usage = usage_of(counts, cache_write=written or 0)
    usage["total_tokens"] = shown["total_tokens"]
    return usage, counts


def usage_of(counts: Tokens, *, cache_write: int = 0) -> dict[str, Any]:
    """Return a usage object with all its keys: clients repeat the whole turn when one is missing."""
    return {
        "input_tokens": counts.prompt,
        "input_tokens_details": {"cached_tokens": counts.cached, "cache_write_tokens": cache_write},
        "output_tokens": counts.completion,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning},
        "total_tokens": counts.prompt + counts.completion,
    }


def text_part(text: str, logprobs: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return a text of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs or []}


def refusal_part(text: str) -> dict[str, Any]:
    """Return a refusal of a message."""
    return {"type": "refusal", "refusal": text}


def message_item(item_id: str, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a message of the assistant."""
    return {"id": item_id, "type": "message", "role": "assistant", "status": status, "content": content}


def reasoning_item(
    item_id: str, status: str, *, text: str | None, as_summary: bool, sealed: str | None = None
) -> dict[str, Any]:
    """Return reasoning, shown as a summary or as its own content, never as both; None: no text yet."""
    item: dict[str, Any] = {"id": item_id, "type": "reasoning", "status": status, "summary": []}
    if as_summary:
        if text is not None:
            item["summary"] = [{"type": "summary_text", "text": text}]
    else:
        item["content"] = [] if text is None else [{"type": "reasoning_text", "text": text}]
    if sealed is not None:
        item["encrypted_content"] = sealed
    return item


def call_item(
    kind: str, item_id: str, status: str, *, call_id: str, name: str, namespace: str | None, text: str
) -> dict[str, Any]:
    """Return a call; ``kind`` is function or custom, ``text`` its arguments or its input."""
    item = {
        "id": item_id,
        "type": "function_call" if kind == "function" else "custom_tool_call",
        "status": status,
        "call_id": call_id,
        "name": name,
        "arguments" if kind == "function" else "input": text,
    }
    if namespace is not None:
        item["namespace"] = namespace
    return item


def _given(body: dict[str, Any], name: str, otherwise: object) -> object:
    value = body.get(name)
    return otherwise if value is None else value


def _is_known(tool: object) -> bool:
    return isinstance(tool, dict) and tool.get("type") in _TOOL_KINDS


def _tool(tool: object) -> object:
    """Complete a function as the schema wants it; other tools are told as they came."""
    if isinstance(tool, dict) and tool.get("type") == "function":
        return {**tool, **{key: tool.get(key) for key in _FUNCTION_KEYS}}
    return tool


def _choice(told: object) -> object:
    """Return the choice in a form that the schema knows; what it cannot name was required all the same."""
    if not isinstance(told, dict):
        return "auto" if told is None else told
    kind = told.get("type")
    if kind not in _CHOICE_KINDS:
        return "required"
    inner = told.get(kind)
    if kind in ("function", "custom") and "name" not in told and isinstance(inner, dict):  # chat's form
        return {"type": kind, "name": inner.get("name")}
    return {**told, "mode": told.get("mode") or "auto"} if kind == "allowed_tools" else told


def _text(told: object) -> dict[str, Any]:
    given = told if isinstance(told, dict) else {}
    form = given.get("format")
    if not isinstance(form, dict):
        form = {"type": "text"}
    text: dict[str, Any] = {"format": {key: form[key] for key in _FORMAT_KEYS if form.get(key) is not None}}
    if given.get("verbosity") is not None:
        text["verbosity"] = given["verbosity"]
    return text


def _reasoning(told: object) -> dict[str, Any]:
    given = told if isinstance(told, dict) else {}
    return {"effort": given.get("effort"), "summary": given.get("summary")}
