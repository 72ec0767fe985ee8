"""Tool calls of a Responses upstream in the forms that chat clients know. Pure."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from .native_parts import escaped

_WRAP_HEAD, _WRAP_TAIL = '{"input":"', '"}'


class ChatCall(Struct):
    """One call. ``form``: ``function``; ``custom``; ``wrapped``, a custom call of what the client calls a function;
    ``legacy``, the deprecated single call without an id."""

    index: int
    call_id: str
    name: str
    form: str

    def start(self) -> dict[str, Any]:
        """Return the delta that opens the call."""
        if self.form == "legacy":
            return {"function_call": {"name": self.name, "arguments": ""}}
        kind = self._kind
        body = {"name": self.name, self._field: ""}
        return {"tool_calls": [{"index": self.index, "id": self.call_id, "type": kind, kind: body}]}

    def piece(self, text: str) -> dict[str, Any]:
        """Return a delta with more of what the call is given; ``text`` is in the client's form (``wrap``)."""
        if self.form == "legacy":
            return {"function_call": {"arguments": text}}
        return {"tool_calls": [{"index": self.index, self._kind: {self._field: text}}]}

    def wrap(self, text: str, *, is_first: bool, is_last: bool) -> str:
        """Return a piece of the call's text in the client's form: as it is, or inside of a JSON object."""
        if self.form != "wrapped":
            return text
        head, tail = _WRAP_HEAD if is_first else "", _WRAP_TAIL if is_last else ""
        return head + escaped(text).decode() + tail

    def whole(self, text: str) -> dict[str, Any]:
        """Return the call as it stands in a whole message's ``tool_calls``."""
        body = {"name": self.name, self._field: self.wrap(text, is_first=True, is_last=True)}
        return {"id": self.call_id, "type": self._kind, self._kind: body}

    @property
    def _kind(self) -> str:
        return "custom" if self.form == "custom" else "function"

    @property
    def _field(self) -> str:
        return "input" if self.form == "custom" else "arguments"


def form_of(item_kind: str, name: str, functions: frozenset[str], *, legacy: bool) -> str:
    """Return the form in which a client that declared ``functions`` expects a call."""
    if item_kind == "custom_tool_call":
        return "wrapped" if name in functions else "custom"
    return "legacy" if legacy else "function"


def finish_of(status: str, reason: object, *, has_calls: bool, legacy: bool) -> str:
    """Return the finish reason for how a response ended."""
    if status == "incomplete":
        return "content_filter" if reason == "content_filter" else "length"
    if has_calls:
        return "function_call" if legacy else "tool_calls"
    return "stop"


def ending_of(response: dict[str, Any], status: str) -> tuple[str, object]:
    """Return how a response object ended, and why it is incomplete; some servers call those completed too."""
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    return ("incomplete" if reason or response.get("status") == "incomplete" else status), reason


def reasoning_to_keep(told: dict[str, Any]) -> dict[str, Any]:
    """Return what the upstream wants back of a reasoning item whose content it sealed."""
    kept = {key: told[key] for key in ("id", "encrypted_content") if told.get(key)}
    return {"type": "reasoning", "summary": told.get("summary") or [], **kept}
