"""A cheap estimate of how many tokens a request of any endpoint is, made without any tokenizer."""

from __future__ import annotations

from typing import Any

from .exchange_items import items_of

BYTES_PER_TOKEN = 4  # a rule of thumb for English text
PER_ITEM = 4  # what a model's chat template puts around each message
PER_ATTACHMENT = 1000  # an image or a file, whatever its size

_ATTACHMENTS = ("input_image", "input_file", "input_audio", "image_url", "file")
_ASIDE = ("id", "type", "status", "encrypted_content", "call_id", "tool_call_id")  # bookkeeping that no model reads


def estimated_request_tokens(body: dict[str, Any]) -> int:
    """Return the tokens of all that a request's body brings along: chat, completion or Responses."""
    messages, prompts = body.get("messages"), body.get("prompt")
    items = [*items_of(body.get("input")), *(items_of(messages) if isinstance(messages, list) else [])]
    for prompt in prompts if isinstance(prompts, list) else [prompts]:
        if isinstance(prompt, str):
            items.append({"role": "user", "content": prompt})
    return estimated_input_tokens(body, items)


def estimated_input_tokens(body: dict[str, Any], items: list[dict[str, Any]]) -> int:
    """Return the tokens of a request's instructions, tools, answer format and ``items``, its whole conversation."""
    text = body.get("text")
    others = [body.get(name) for name in ("instructions", "tools", "functions", "response_format")]
    others.append(text.get("format") if isinstance(text, dict) else None)
    attachments, size = 0, 0
    for value in (*others, *items):
        found, length = _measured(value)
        attachments, size = attachments + found, size + length
    tokens = attachments * PER_ATTACHMENT + len(items) * PER_ITEM + -(-size // BYTES_PER_TOKEN)
    return max(1, tokens)


def _measured(value: object) -> tuple[int, int]:
    """Return the number of attachments in a JSON value, and the bytes of its text. Depth does not matter here."""
    attachments, size = 0, 0
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            size += len(one.encode())
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            if one.get("type") in _ATTACHMENTS:
                attachments += 1
                continue
            for name, inside in one.items():
                if name not in _ASIDE:
                    size += len(name) if isinstance(inside, dict | list) else 0
                    waiting.append(inside)
        elif one is not None:
            size += len(str(one))
    return attachments, size
