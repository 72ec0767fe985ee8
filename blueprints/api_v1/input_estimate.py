"""A cheap estimate of how many tokens a request of any endpoint is, made without any tokenizer."""

from __future__ import annotations

from typing import Any

import orjson
from msgspec import Struct

from .exchange_items import items_of

BYTES_PER_TOKEN = 4  # a rule of thumb for English text
PER_ITEM = 4  # what a model's chat template puts around each message
PER_ATTACHMENT = 1000  # an image or a file, whatever its size

_ATTACHMENTS = ("input_image", "input_file", "input_audio", "image_url", "file")
# Bookkeeping that no model reads, and what it said beside its words.
_ASIDE = ("id", "type", "status", "encrypted_content", "call_id", "tool_call_id", "logprobs", "annotations")
# What tools behind an upstream did: it goes to no model again.
_LEFT_OUT = frozenset(
    {"web_search_call", "file_search_call", "image_generation_call", "code_interpreter_call", "computer_call"}
    | {"computer_call_output", "mcp_call", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response"}
)


class Measured(Struct, frozen=True):
    """What one walk over a request's content finds."""

    tokens: int
    attachments: frozenset[str]
    """The kinds of its parts that are not text, by the names that clients give them."""


def measured(body: dict[str, Any], items: list[dict[str, Any]]) -> Measured:
    """Measure a request's instructions, tools, answer format and ``items``, its whole conversation."""
    kinds: list[str] = []
    size = 0
    text = body.get("text")
    answer_format = body.get("response_format") or (text.get("format") if isinstance(text, dict) else None)
    for told in (body.get("tools"), body.get("functions"), answer_format):
        if told:  # models read these as JSON
            size += len(orjson.dumps(told))
    size += _bytes_of_text([body.get("instructions")], kinds)
    for item in items:
        if str(item.get("type")) in _LEFT_OUT:
            continue
        content = item.get("content")
        if isinstance(content, str) and len(item) == 2:  # the usual message: role and content
            size += _bytes(content)
        else:
            size += _bytes_of_text([item], kinds)
    tokens = len(kinds) * PER_ATTACHMENT + len(items) * PER_ITEM + -(-size // BYTES_PER_TOKEN)
    return Measured(max(1, tokens), frozenset(kinds))


def request_items(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all that a request's body brings along as items: chat, completion or Responses."""
    messages, prompts = body.get("messages"), body.get("prompt")
    items = [*items_of(body.get("input")), *(items_of(messages) if isinstance(messages, list) else [])]
    for prompt in prompts if isinstance(prompts, list) else [prompts]:
        if isinstance(prompt, str):
            items.append({"role": "user", "content": prompt})
    return items


def _bytes_of_text(values: list[Any], kinds: list[str]) -> int:
    """Return the bytes of all text in JSON values, and collect the kinds of attachments. Depth does not matter."""
    size = 0
    waiting = list(values)
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            size += _bytes(one)
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            if one.get("type") in _ATTACHMENTS:
                kinds.append(one["type"])
                continue
            for name, inside in one.items():
                if name not in _ASIDE:
                    size += len(name) if isinstance(inside, dict | list) else 0
                    waiting.append(inside)
        elif one is not None:
            size += len(str(one))
    return size


def _bytes(text: str) -> int:
    """Return how many bytes of English a text weighs: letters of other scripts count once and a little."""
    if text.isascii():
        return len(text)
    return (3 * len(text) + len(text.encode("utf-8", "surrogatepass"))) // 4
