"""The tool calls of a chat stream: which piece belongs to which call, however an upstream numbers them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from .chat_answer import arguments_text
from .responses_open_items import OpenCall


class Call(Struct):
    """One call; nothing of it leaves before its name is known."""

    call_id: str
    """The id that the client knows the call by; the upstream's own may come twice."""
    upstream_id: str = ""
    name: str = ""
    held: list[str] = field(default_factory=list)
    opened: OpenCall | None = None


class Calls:
    """All calls of one answer, in the order in which they came."""

    def __init__(self, new_call_id: Callable[[], str]) -> None:
        """Begin without a call."""
        self._new_call_id = new_call_id
        self.all: list[Call] = []
        self.latest: Call | None = None
        """The call that the last delta belonged to."""
        self._by_key: dict[object, Call] = {}

    def find(self, told: dict[str, Any], body: dict[str, Any], piece: str) -> Call:
        """Return the call that a delta belongs to; a new one if it says so."""
        index = told.get("index")
        upstream_id = told.get("id")
        upstream_id = upstream_id if isinstance(upstream_id, str) else ""
        name = body.get("name")
        names = isinstance(name, str) and bool(name)
        key: object
        if isinstance(index, int) and not isinstance(index, bool):
            key = index
            call = self._by_key.get(key)
        elif upstream_id:
            key = upstream_id
            call = self._by_key.get(key)
        else:
            key = len(self.all)
            call = self.all[-1] if self.all else None
            if call is not None and names and piece and call.opened is not None and call.opened.is_whole:
                call = None  # neither index nor id, but a name after a whole call: the next one
        other_id = call is not None and upstream_id and call.upstream_id and upstream_id != call.upstream_id
        if call is None or (other_id and names):
            call = Call(self._new_call_id())
            self.all.append(call)
            self._by_key[key] = call
        if names and not call.name:
            call.name = str(name)
        call.upstream_id = call.upstream_id or upstream_id
        self.latest = call
        return call


def body_of(told: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the named part of a call delta and the piece of its arguments."""
    body = told.get("function") or told.get("custom")
    if not isinstance(body, dict):
        return {}, ""
    return body, arguments_text(body.get("arguments", body.get("input")))
