"""The input items of a Responses call: as they are kept, and as an upstream that stores nothing takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .calls import new_id

OpenSealed = Callable[[str], dict[str, Any] | None]
Lookup = Callable[[str], dict[str, Any] | None]

COMPACTIONS = ("compaction", "context_compaction")
_PREFIXES = {
    "None": "msg_",  # a message may leave its type out
    "message": "msg_",
    "function_call": "fc_",
    "custom_tool_call": "ctc_",
    "reasoning": "rs_",
    "compaction": "cmp_",
}


def own_items(told: object) -> list[dict[str, Any]]:
    """Return a request's ``input`` as items, each with an id."""
    return [
        item if item.get("id") else {**item, "id": new_id(_PREFIXES.get(str(item.get("type")), "item_"))}
        for item in items_of(told)
    ]


def items_of(told: object) -> list[dict[str, Any]]:
    """Return a request's ``input`` as items; a text is one message of the user."""
    if isinstance(told, str):
        told = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": told}]}]
    return [item for item in told if isinstance(item, dict)] if isinstance(told, list) else []


def since_compaction(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a chain's items from its last compaction on: that holds what came before it.

    All of them where a call before it still waits for its result, which would otherwise answer nothing.
    """
    places = [place for place, item in enumerate(items) if item.get("type") in COMPACTIONS]
    if not places:
        return items
    before = items[: places[-1]]
    kinds = [(str(item.get("type")), item.get("call_id")) for item in before]
    answered = {call_id for kind, call_id in kinds if kind.endswith("_output")}
    if any(kind.endswith("_call") and call_id and call_id not in answered for kind, call_id in kinds):
        return items
    return items[places[-1] :]


def plain_items(
    items: Iterable[dict[str, Any]], known: Iterable[dict[str, Any]], open_sealed: OpenSealed, lookup: Lookup
) -> list[dict[str, Any]]:
    """Return items with references replaced by what they stand for, and compactions by their summaries.

    ``known`` are all items of the conversation; ``lookup`` finds stored ones. What cannot be found or opened is
    left out: a request that needs it has been refused before.
    """
    by_id = {item["id"]: item for item in known if isinstance(item.get("id"), str) and not _is_reference(item)}
    plain = []
    for item in items:
        found: dict[str, Any] | None = item
        if _is_reference(item):
            found = by_id.get(str(item.get("id"))) or lookup(str(item.get("id")))
        if found is not None and found.get("type") in COMPACTIONS:
            found = _opened(found, open_sealed)
        if found is not None:
            plain.append(found)
    return plain


def _is_reference(item: dict[str, Any]) -> bool:
    kind = item.get("type")
    return kind == "item_reference" or (kind is None and "role" not in item and isinstance(item.get("id"), str))


def _opened(item: dict[str, Any], open_sealed: OpenSealed) -> dict[str, Any] | None:
    opened = open_sealed(str(item.get("encrypted_content")))
    if opened is None or opened.get("kind") != "compaction":
        return None
    return {"type": "message", "role": "developer", "content": str(opened.get("text", ""))}
