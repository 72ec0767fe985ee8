"""A whole answer of a Responses upstream as a chat completion. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct, field

from .chat_answer import arguments_text, listed
from .chat_over_responses_calls import ChatCall, ending_of, finish_of, form_of, reasoning_to_keep
from .chat_over_responses_stop import StopCutter
from .native_errors import error_in_response
from .native_items import part_text, shown_logprobs
from .native_usage import chat_usage, tokens_told


class WholeChat(Struct, frozen=True):
    """The client's ``answer``; ``kept_reasoning`` as for ``ChatOverResponses``."""

    answer: dict[str, Any]
    kept_reasoning: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def whole_chat(
    told: object,
    *,
    alias: str,
    answer_id: str,
    created: int,
    new_call_id: Callable[[], str],
    stops: Sequence[str] = (),
    functions: frozenset[str] = frozenset(),
    legacy_functions: bool = False,
) -> WholeChat:
    """Return the answer with its one choice; the parameters are those of ``ChatOverResponses``.

    ``usage`` is left out where the upstream told none.

    Raises:
        GatewayError: it is no finished response, or one that failed.
    """
    if not isinstance(told, dict) or told.get("error") or not isinstance(told.get("output"), list):
        raise error_in_response(told, param="messages")
    if told.get("status") in ("failed", "cancelled"):
        raise error_in_response(told, param="messages")
    output = [item for item in told["output"] if isinstance(item, dict)]
    parts = [
        part
        for item in output
        if item.get("type") == "message"
        for part in listed(item.get("content"))
        if isinstance(part, dict)
    ]
    cutter = StopCutter(stops)
    text = cutter.feed("".join(_texts(parts, "output_text"))) + cutter.flush()
    message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
    refusal = "".join(_texts(parts, "refusal"))
    if refusal:
        message["refusal"] = refusal
    reasoning = "".join(_reasoning(item) for item in output if item.get("type") == "reasoning")
    if reasoning:
        message["reasoning_content"] = reasoning
    calls = [] if cutter.has_stopped else _calls(output, new_call_id, functions, legacy=legacy_functions)
    if calls and legacy_functions:
        message["function_call"] = calls[0][0].whole(calls[0][1])["function"]
    elif calls:
        message["tool_calls"] = [call.whole(given) for call, given in calls]
    elif not refusal:
        message["content"] = text
    probabilities = [one for part in parts for one in shown_logprobs(part.get("logprobs"))]
    status, reason = ending_of(told, "completed")
    finish = finish_of(status, reason, has_calls=bool(calls), legacy=legacy_functions)
    choice = {
        "index": 0,
        "message": message,
        "logprobs": {"content": probabilities, "refusal": None} if probabilities else None,
        "finish_reason": "stop" if cutter.has_stopped else finish,
    }
    answer = {"id": answer_id, "object": "chat.completion", "created": created, "model": alias, "choices": [choice]}
    counts = tokens_told(told.get("usage"))
    if counts is not None:
        answer["usage"] = chat_usage(counts, told["usage"])
    sealed = [item for item in output if item.get("type") == "reasoning" and item.get("encrypted_content")]
    kept = [reasoning_to_keep(item) for item in sealed]
    return WholeChat(answer, {call.call_id: kept for call, _ in calls if kept})


def _calls(
    output: list[dict[str, Any]], new_call_id: Callable[[], str], functions: frozenset[str], *, legacy: bool
) -> list[tuple[ChatCall, str]]:
    calls: list[tuple[ChatCall, str]] = []
    for item in output:
        kind, name = item.get("type"), str(item.get("name") or "")
        if kind not in ("function_call", "custom_tool_call"):
            continue
        if kind == "function_call":
            given = arguments_text(item.get("arguments")) or "{}"
        else:
            given = arguments_text(item.get("input"))
        form = form_of(str(kind), name, functions, legacy=legacy)
        calls.append((ChatCall(len(calls), new_call_id(), name, form), given))
    return calls


def _texts(parts: list[dict[str, Any]], kind: str) -> list[str]:
    return [part_text(part) or "" for part in parts if part.get("type") == kind]


def _reasoning(item: dict[str, Any]) -> str:
    """Return an item's thoughts: its summary, or its text where it has none."""
    summary = [part_text(part) or "" for part in listed(item.get("summary"))]
    content = [part_text(part) or "" for part in listed(item.get("content"))]
    return "\n\n".join(summary) if any(summary) else "".join(content)
