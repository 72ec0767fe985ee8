"""What a checked request needs of a route: read from its body once, before anything is sent."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from catalog.model import Modality, Speed
from routing.features import Features

from .input_estimate import measured
from .translation.chat_answer import listed

# Files of the Responses API are not among them: text in a file goes to every route as text, so only the
# translation can tell whether a route takes one.
_MODALITIES: dict[str, Modality] = {
    "image_url": "image",
    "input_image": "image",
    "input_audio": "audio",
    "file": "file",
}
_ANSWERING = ("assistant", "tool", "function")
_STRUCTURED = ("json_object", "json_schema")
# Enough to tell one opening from another.
_TOLD_OF_A_TEXT = 4096  # characters
_TOLD_PARTS, _TOLD_ITEMS = 64, 64


def features_of(
    body: dict[str, Any], items: list[dict[str, Any]], *, endpoint: str, account_id: int, speed: Speed
) -> Features:
    """Return the features of a request whose whole conversation is ``items``, earlier turns included."""
    found = measured(body, items)
    named = body.get("prompt_cache_key")
    is_named = isinstance(named, str) and named != ""
    conversation = None
    if is_named:
        conversation = _number(account_id, str(named))
    elif endpoint != "completions":  # each of them stands for itself
        opening = _opening(body, items)
        conversation = None if opening is None else _number(account_id, *opening)
    modalities = {_MODALITIES[kind] for kind in found.attachments if kind in _MODALITIES}
    if endpoint == "chat/completions" and "audio" in listed(body.get("modalities")):
        modalities.add("audio")
    return Features(
        endpoint=endpoint,
        stream=bool(body.get("stream")),
        speed=speed,
        prompt_tokens=found.tokens,
        modalities=frozenset(modalities),
        tools=bool(body.get("tools") or body.get("functions")) or any(_brings_tools(item) for item in items),
        structured_output=_format_of(body) in _STRUCTURED,
        conversation=conversation,
        is_first_turn=not any(_is_answer(item) for item in reversed(items)),
        is_named=is_named,
    )


def _format_of(body: dict[str, Any]) -> object:
    text = body.get("text")
    told = text.get("format") if isinstance(text, dict) else body.get("response_format")
    return told.get("type") if isinstance(told, dict) else None


def _brings_tools(item: dict[str, Any]) -> bool:
    return str(item.get("type")) in ("additional_tools", "tool_search_output") and bool(item.get("tools"))


def _is_answer(item: dict[str, Any]) -> bool:
    role = item.get("role")
    if role is None:
        return str(item.get("type")).endswith(("_call", "_output"))
    return role in _ANSWERING


def _opening(body: dict[str, Any], items: list[dict[str, Any]]) -> list[str] | None:
    """Return what stays the same in every turn: instructions and all up to the user's first message. None: no such."""
    instructions = body.get("instructions")
    said = [_shortened(instructions)] if isinstance(instructions, str) else []
    for item in items[:_TOLD_ITEMS]:
        said.append(str(item.get("role")))
        content = item.get("content")
        for part in content[:_TOLD_PARTS] if isinstance(content, list) else [content]:
            words = part.get("text") or part.get("image_url") or part.get("type") if isinstance(part, dict) else part
            if isinstance(words, dict):
                words = words.get("url")
            if isinstance(words, str):
                said.append(_shortened(words))
        if item.get("role") == "user":
            return said
    return None


def _shortened(text: str) -> str:
    return text if len(text) <= _TOLD_OF_A_TEXT else f"{text[:_TOLD_OF_A_TEXT]} {len(text)}"


def _number(account_id: int, *words: str) -> int:
    digest = blake2b(str(account_id).encode(), digest_size=8)
    for word in words:
        digest.update(b"\0" + word.encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest())
