"""The input items of a Responses request, read once: references resolved, outputs paired with their calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct, field

from ..errors import InvalidRequest
from .responses_content import text_of

CALLS = frozenset({"function_call", "custom_tool_call", "local_shell_call", "shell_call", "apply_patch_call"})
OUTPUTS = frozenset(f"{call}_output" for call in CALLS)
# What hosted tools did earlier: the message after it says what came of it.
_HOSTED = ("web_search", "file_search", "image_generation", "code_interpreter", "computer", "mcp_", "tool_search_call")
# Says something about the request, not about the conversation.
_SILENT = frozenset({"compaction_trigger"})
_SYSTEM_ROLES = ("system", "developer")

OpenSealed = Callable[[str], dict[str, Any] | None]
Lookup = Callable[[str], dict[str, Any] | None]


class Thought(Struct, frozen=True):
    """Old reasoning: the text that the client was shown, and what was sealed for the upstream that it came from."""

    shown: str
    sealed: str | None = None
    """The whole text; None: nothing was sealed here."""
    details: tuple[dict[str, Any], ...] = ()
    """What that upstream wants back unchanged."""
    upstream: str = ""

    def for_upstream(self, name: str) -> tuple[str, tuple[dict[str, Any], ...]]:
        """Return the text and the details that an upstream may have."""
        if self.sealed is None or self.upstream != name:
            return self.shown, ()
        return self.sealed, self.details


class Entry(Struct, frozen=True):
    """One item with its place in the request; ``path`` is ``input`` for those of earlier responses."""

    item: dict[str, Any]
    path: str
    thought: Thought | None = None

    @property
    def kind(self) -> str:
        """The item's type; messages may leave it out."""
        return str(self.item.get("type") or "message")

    @property
    def role(self) -> str:
        """Who speaks in a message: assistant, system (developers too) or user."""
        role = self.item.get("role")
        return "system" if role in _SYSTEM_ROLES else "assistant" if role == "assistant" else "user"


class Conversation(Struct):
    """All items that the model shall see, in order."""

    entries: list[Entry] = field(default_factory=list)
    output_of: dict[int, int] = field(default_factory=dict)
    """Place of a call -> place of its output."""
    late_tools: list[object] = field(default_factory=list)
    """Tools that came inside the input."""
    updates: list[dict[str, Any]] = field(default_factory=list)
    """Settings that came inside the input, later ones last."""
    notes: list[str] = field(default_factory=list)


def read_items(
    items: object, *, history: Iterable[dict[str, Any]], open_sealed: OpenSealed, lookup: Lookup
) -> Conversation:
    """Return the conversation of ``history``, the items of earlier responses, and of a request's ``input``.

    ``open_sealed`` opens what the gateway sealed (None: not ours), ``lookup`` finds a stored item by its id.

    Raises:
        InvalidRequest: an item that cannot be understood, or an output without its call.
    """
    if isinstance(items, str):
        items = [{"type": "message", "role": "user", "content": items}]
    conversation = Conversation()
    placed = [("input", item) for item in history]
    placed += [(f"input[{place}]", item) for place, item in enumerate(items if isinstance(items, list) else [])]
    known = {
        item["id"]: item
        for _, item in placed
        if isinstance(item, dict) and isinstance(item.get("id"), str) and not _is_reference(item)
    }
    for path, item in placed:
        if not isinstance(item, dict):
            raise InvalidRequest(f"{path}: expected an object.", code="invalid_type", param=path)
        if _is_reference(item):
            item = _resolved(item, known, lookup)
        _read(conversation, item, path, open_sealed)
    _pair(conversation)
    return conversation


def call_id_of(entry: Entry) -> str:
    """Return the id that a call and its output share.

    Raises:
        InvalidRequest: there is none.
    """
    keys = ("call_id", "id") if entry.kind.startswith("local_shell_call") else ("call_id",)
    for key in keys:
        call_id = entry.item.get(key)
        if isinstance(call_id, str) and call_id:
            return call_id
    path = f"{entry.path}.call_id"
    raise InvalidRequest(f"{path}: expected the id of the call.", code="missing_required_parameter", param=path)


def _read(conversation: Conversation, item: dict[str, Any], path: str, open_sealed: OpenSealed) -> None:
    kind = item.get("type") or ("message" if "role" in item else None)
    if kind in ("message", "agent_message"):
        role = "user" if kind == "agent_message" else item.get("role")
        conversation.entries.append(Entry({**item, "type": "message", "role": role}, path))
    elif kind in CALLS or kind in OUTPUTS:
        conversation.entries.append(Entry(item, path))
    elif kind == "reasoning":
        conversation.entries.append(Entry(item, path, _thought(item, open_sealed)))
    elif kind in ("compaction", "context_compaction"):
        conversation.entries.append(_compaction(item, path, open_sealed))
    elif kind in ("additional_tools", "tool_search_output"):
        tools = item.get("tools")
        conversation.late_tools += tools if isinstance(tools, list) else []
    elif kind == "configuration_update":
        conversation.updates.append(item)
    elif kind not in _SILENT and not (isinstance(kind, str) and kind.startswith(_HOSTED)):
        conversation.notes.append(f"left out an input item of the type {str(kind)[:64]}")


def _is_reference(item: dict[str, Any]) -> bool:
    kind = item.get("type")
    return kind == "item_reference" or (kind is None and "role" not in item and isinstance(item.get("id"), str))


def _resolved(item: dict[str, Any], known: dict[str, dict[str, Any]], lookup: Lookup) -> dict[str, Any]:
    item_id = str(item.get("id"))
    found = known.get(item_id) or lookup(item_id)
    if found is None:
        raise InvalidRequest(
            f"Item with id '{item_id[:100]}' not found. Items are kept only for responses with store set to true.",
            param="input",
        )
    return found


def _thought(item: dict[str, Any], open_sealed: OpenSealed) -> Thought:
    sealed = item.get("encrypted_content")
    opened = open_sealed(sealed) if isinstance(sealed, str) and sealed else None
    shown = "\n\n".join(text_of(item.get("content")) or text_of(item.get("summary")))
    if opened is None or opened.get("kind") != "reasoning":
        return Thought(shown)
    details = tuple(opened.get("details") or ())
    return Thought(shown, str(opened.get("text", "")), details, str(opened.get("upstream", "")))


def _compaction(item: dict[str, Any], path: str, open_sealed: OpenSealed) -> Entry:
    sealed = item.get("encrypted_content")
    opened = open_sealed(sealed) if isinstance(sealed, str) else None
    if opened is None or opened.get("kind") != "compaction":
        raise InvalidRequest(
            f"{path}.encrypted_content: this compaction was not made here, or not for this account.",
            code="invalid_encrypted_content",
            param=f"{path}.encrypted_content",
        )
    return Entry({"type": "message", "role": "developer", "content": str(opened.get("text", ""))}, path)


def _pair(conversation: Conversation) -> None:
    """Give the k-th output of a call id to the k-th call with it: weak upstreams use the same ids again."""
    calls: dict[str, list[int]] = {}
    outputs: dict[str, list[int]] = {}
    shell_ids: dict[str, str] = {}
    for place, entry in enumerate(conversation.entries):
        if entry.kind in CALLS:
            calls.setdefault(call_id_of(entry), []).append(place)
            if entry.kind == "local_shell_call":
                shell_ids[str(entry.item.get("id"))] = call_id_of(entry)
        elif entry.kind in OUTPUTS:
            call_id = call_id_of(entry)
            if call_id not in calls and entry.kind == "local_shell_call_output":
                call_id = shell_ids.get(call_id, call_id)  # it has an id alone, which may be the item's
            outputs.setdefault(call_id, []).append(place)
    for call_id, places in outputs.items():
        if call_id not in calls:
            raise InvalidRequest(
                f"No tool call found for function call output with call_id {call_id[:100]}.", param="input"
            )
        conversation.output_of.update(zip(calls[call_id], places, strict=False))
        if len(places) > len(calls[call_id]):
            conversation.notes.append("left out a second output of the same call")
