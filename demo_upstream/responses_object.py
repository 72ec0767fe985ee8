"""The Responses object and its items: the keys of the API, and some that a gateway must drop."""

import time
from typing import Any

from demo_upstream.answer import Answer
from demo_upstream.chat_calls import call_id
from demo_upstream.conversation import Conversation, tools_of
from demo_upstream.script import Call, Script

Item = dict[str, Any]
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def incomplete_reason(answer: Answer) -> str | None:
    """Why an answer is incomplete, or None."""
    return _INCOMPLETE.get(answer.finish)


def response_object(
    conversation: Conversation, status: str, output: list[Item], usage: Item | None, error: Item | None = None
) -> Item:
    """The whole object in one of its states: in_progress, completed, incomplete, failed."""
    body = conversation.body
    created = int(time.time())
    return {
        "id": f"resp_demo{conversation.digest}",
        "object": "response",
        "created_at": created,
        "completed_at": created if status == "completed" else None,
        "status": status,
        "background": False,
        "error": error,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": body.get("max_tool_calls"),
        "model": f"{conversation.model}-demo-backend",
        "output": output,
        "parallel_tool_calls": _given(body, "parallel_tool_calls", True),
        "presence_penalty": _given(body, "presence_penalty", 0.0),
        "frequency_penalty": _given(body, "frequency_penalty", 0.0),
        "previous_response_id": None,
        "prompt_cache_key": body.get("prompt_cache_key"),
        "reasoning": {"effort": None, "summary": None, **_given(body, "reasoning", {})},
        "safety_identifier": body.get("safety_identifier"),
        "service_tier": "default",
        "store": _given(body, "store", True),
        "temperature": _given(body, "temperature", 1.0),
        "text": {"format": {"type": "text"}, **_given(body, "text", {})},
        "tool_choice": _given(body, "tool_choice", "auto"),
        "tools": _given(body, "tools", []),
        "top_logprobs": _given(body, "top_logprobs", 0),
        "top_p": _given(body, "top_p", 1.0),
        "truncation": "disabled",
        "usage": usage,
        "metadata": _given(body, "metadata", {}),
        "system_fingerprint": "fp_demo-backend",
        "provider": "demo-backend",
    }


def usage_object(script: Script, answer: Answer) -> Item | None:
    """Token counts in the names of this API."""
    usage = answer.usage
    total = usage.prompt + usage.completion
    if script.usage == "missing":
        return None
    if script.usage == "bare":
        return {"input_tokens": usage.prompt, "output_tokens": usage.completion}
    if script.usage == "float":
        counts = {"input_tokens": usage.prompt, "output_tokens": usage.completion, "total_tokens": total}
        return {name: float(count) for name, count in counts.items()}
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": total,
        "cost": 0.0000125,
    }


def reasoning_item(conversation: Conversation, script: Script, text: str) -> Item:
    """A finished reasoning item: full text, or a summary if the script says so."""
    item: Item = {"id": f"rs_demo{conversation.digest}", "type": "reasoning", "summary": []}
    if script.reasoning_as == "summary":
        item["summary"] = [{"type": "summary_text", "text": text}]
    else:
        item["content"] = [{"type": "reasoning_text", "text": text}]
    include = conversation.body.get("include")
    if isinstance(include, list) and "reasoning.encrypted_content" in include:
        item["encrypted_content"] = f"demo-backend-sealed-{conversation.digest}"
    return {**item, "status": "completed"}


def message_item(conversation: Conversation, answer: Answer, text: str) -> Item:
    """A finished message: text, or a refusal."""
    refusal = "".join(answer.refusal)
    part: Item = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    if refusal:
        part = {"type": "refusal", "refusal": refusal}
    status = "incomplete" if incomplete_reason(answer) and not answer.calls else "completed"
    identity = {"id": f"msg_demo{conversation.digest}", "type": "message", "status": status}
    return {**identity, "role": "assistant", "content": [part]}


def call_item(conversation: Conversation, answer: Answer, number: int, call: Call) -> Item:
    """A finished function or custom tool call."""
    tag = call_id(conversation.digest, answer.turn, number)
    short = tag.removeprefix("call_")
    if call.custom:
        item: Item = {"id": f"ctc_{short}", "type": "custom_tool_call", "call_id": tag, "name": call.name}
        return {**item, "input": call.payload, "status": "completed"}
    item = {"id": f"fc_{short}", "type": "function_call", "call_id": tag, "name": call.name}
    for tool in tools_of(conversation):
        if tool.get("name") == call.name and "namespace" in tool:
            item["namespace"] = tool["namespace"]
    return {**item, "arguments": call.payload, "status": "completed"}


def output_items(conversation: Conversation, script: Script, answer: Answer) -> list[Item]:
    """All finished items in order: reasoning, message, calls. Empty parts make no item."""
    items: list[Item] = []
    if answer.reasoning:
        items.append(reasoning_item(conversation, script, "".join(answer.reasoning)))
    text = "".join(answer.text) if answer.text.count else ""
    if text or answer.refusal or script.endless == "deltas":
        items.append(message_item(conversation, answer, text))
    items.extend(call_item(conversation, answer, n, call) for n, call in enumerate(answer.calls))
    return items


def finished(conversation: Conversation, script: Script, answer: Answer, items: list[Item]) -> Item:
    """The terminal object: completed, or incomplete with its reason."""
    reason = incomplete_reason(answer)
    status = "incomplete" if reason else "completed"
    whole = response_object(conversation, status, items, usage_object(script, answer))
    return {**whole, "incomplete_details": {"reason": reason} if reason else None}


def _given(body: dict[str, Any], name: str, default: Any) -> Any:
    value = body.get(name)
    return default if value is None else value
