"""What a Responses upstream says, event by event, and what its client is told of it. Pure.

Events are read for what they say, not relayed: each client sees complete orders, also where an upstream
leaves out an event or brings a text only at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from msgspec import Struct

from ..errors import UpstreamError
from .native_errors import error_in_event, error_in_response
from .native_events import (
    AUDIO,
    CALL_KINDS,
    DELTAS,
    DONES,
    HOSTED,
    PART_ADDED,
    PART_DONE,
    PART_KINDS,
    REASONING,
    SUMMARY,
    TERMINAL,
    TextKind,
)
from .native_items import OwnIds, begun_item, is_known, part_text, shown_annotation, shown_logprobs
from .native_parts import Item, Text, escaped
from .native_template import MARK, Templates
from .native_writer import EventWriter

Fields = dict[str, Any]


class Delta(Struct, frozen=True):
    """How to say another piece of a text: ``head + sequence number + middle + piece + tail``."""

    text: Text
    head: bytes
    middle: bytes
    tail: bytes


class NativeReader:
    """The items of one upstream's answer; its methods return the client's bytes for what they are told."""

    def __init__(
        self,
        writer: EventWriter,
        ids: OwnIds,
        templates: Templates[Delta],
        seal: Callable[[Fields], str] | None,
        restored: Callable[[Any], Any],
        *,
        as_summary: bool,
    ) -> None:
        """Write by ``writer``; learn ``templates`` of deltas; the rest as for ``NativeResponses``."""
        self._as_summary = as_summary
        self._writer, self._ids, self._seal, self._restored = writer, ids, seal, restored
        self.templates = templates
        self.items: list[Item] = []
        self._by_id: dict[str, Item] = {}
        self._by_index: dict[int, Item] = {}
        self.usage: object = None
        self.status = ""  # how the upstream's answer ended, once it has said so
        self.incomplete: str | None = None
        self.is_done = False
        self.output_bytes = 0

    def event(self, data: bytes) -> bytes:
        """Read one event.

        Raises:
            GatewayError: it reports an error, or is no event.
        """
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise UpstreamError(detail=f"an event that is not JSON, {len(data)} bytes") from error
        trouble = error_in_event(event, param="input")
        if trouble is not None:
            raise trouble
        kind = event.get("type")
        if kind in DELTAS:
            return self._delta(DELTAS[kind], event, data)
        if kind in DONES:
            text = self._text_of(DONES[kind], event)
            return b"" if text is None else text[2] + self._end_text(text[0], text[1], event.get(DONES[kind].field))
        if kind == "response.output_item.added":
            return self._item_added(event)
        if kind == "response.output_item.done":
            return self._item_done(self._restored(event.get("item")), event.get("output_index"))
        if kind in PART_ADDED or kind in PART_DONE:
            return self._part(event, is_end=kind in PART_DONE)
        if kind == "response.output_text.annotation.added":
            return self._annotation(event)
        if kind in TERMINAL:
            return self.terminal(TERMINAL[kind], event.get("response"))
        return self._hosted(kind, event)

    def _find(self, event: Fields) -> Item | None:
        by_id = self._by_id.get(str(event.get("item_id")))
        if by_id is not None and by_id.final is None:
            return by_id
        index = event.get("output_index")
        by_index = self._by_index.get(index) if isinstance(index, int) else None
        return by_index if by_index is not None and by_index.final is None else None

    def _item_added(self, event: Fields) -> bytes:
        told, index = self._restored(event.get("item")), event.get("output_index")
        if not isinstance(told, dict) or not is_known(told.get("type")):
            return b""
        earlier = self._find({"item_id": told.get("id"), "output_index": index})
        out = b""
        if earlier is not None:
            if earlier.kind == told["type"] and earlier.upstream_id == told.get("id"):
                return b""  # said twice
            out = self._close(earlier, {}, "completed")
        _, opened = self._open(told, index)
        return out + opened

    def _open(self, told: Fields, index: object) -> tuple[Item, bytes]:
        shown = begun_item(told, self._ids.item(told["type"]), self._ids)
        item = Item(told["type"], len(self.items), shown, str(told.get("id")))
        self.items.append(item)
        self._by_id[item.upstream_id] = item
        if isinstance(index, int):
            self._by_index[index] = item
        # A reasoning item or message may stay empty; every other kind is a call, and so an output.
        out = b"" if item.kind in ("message", "reasoning", "mcp_list_tools") else self._writer.commit()
        return item, out + self._writer.emit("response.output_item.added", output_index=item.index, item=item.shown)

    def _place(self, item: Item, text: Text) -> Fields:
        place: Fields = {"item_id": item.item_id, "output_index": item.index}
        if text.kind.index:
            place[text.kind.index] = text.index
        return place

    def _text_of(self, kind: TextKind, event: Fields) -> tuple[Item, Text, bytes] | None:
        """Find the text that an event speaks of, opening item and part where the upstream has not."""
        item, out = self._find(event), b""
        wanted = kind.item_kind if kind.part else None
        if item is not None and wanted is not None and item.kind != wanted:
            item = None
        if item is None:
            if wanted is None or self._by_id.get(str(event.get("item_id"))) is not None:
                return None  # a call without a name, or an item that has ended
            item, out = self._open({"type": wanted, "id": event.get("item_id")}, event.get("output_index"))
        elif wanted is None and CALL_KINDS.get(item.kind) is not kind:
            return None
        number = event.get(kind.index) if kind.index else 0
        number = number if isinstance(number, int) else 0
        text = item.text(kind, number)
        if text is None:
            if self._is_said_otherwise(item, kind):
                return None
            text, begun = self._begin_text(item, kind, number)
            out += begun
        return item, text, out

    def _is_said_otherwise(self, item: Item, kind: TextKind) -> bool:
        """Tell whether a text only repeats thoughts that are shown as the summary already, from their other form."""
        if not self._as_summary or item.kind != "reasoning":
            return False
        return any(event != kind.event and text.so_far() for (_, _, event), text in item.texts.items())

    def _begin_text(self, item: Item, kind: TextKind, number: int) -> tuple[Text, bytes]:
        out = b""
        if kind.part is not None:
            for other in item.texts.values():  # one part at a time
                out += self._end_part(item, other, None)
        shown = SUMMARY if kind is REASONING and self._as_summary else kind
        text = item.begin_text(kind, number, shown)
        if kind.part is not None:
            out += self._writer.emit(f"{shown.part_event}.added", **self._place(item, text), part=text.part(self._ids))
        return text, out

    def _delta(self, kind: TextKind, event: Fields, data: bytes) -> bytes:
        piece = event.get("delta")
        if not isinstance(piece, str) or not piece:
            return b""
        found = self._text_of(kind, event)
        if found is None or found[1].whole is not None:
            return b""
        item, text, out = found
        probabilities = shown_logprobs(event.get("logprobs"))
        out += self._say(item, text, piece, probabilities)
        if not probabilities:
            place = self._place(item, text)
            rest = orjson.dumps({**place, "delta": MARK, **_logprobs(kind, [])})[1:].split(MARK.encode())
            name = text.kind.event.encode()
            head = b'event: %b.delta\ndata: {"type":"%b.delta","sequence_number":' % (name, name)
            sink = Delta(text, head, b"," + rest[0], rest[1] + b"\n\n")
            self.templates.learn(data, {**event, "delta": MARK}, piece, sink)
        return out

    def _say(self, item: Item, text: Text, piece: str, probabilities: list[Fields] | None = None) -> bytes:
        out = self._writer.commit()
        raw = escaped(piece)
        text.raw += raw
        self.output_bytes += len(raw)
        more = _logprobs(text.kind, probabilities or [])
        return out + self._writer.emit(f"{text.kind.event}.delta", **self._place(item, text), delta=piece, **more)

    def _end_text(self, item: Item, text: Text, told: object) -> bytes:
        """Say what was not said of a text, then that it is complete."""
        if text.whole is not None:
            return b""
        out, said = b"", text.so_far()
        if isinstance(told, str) and len(told) > len(said) and told.startswith(said):
            out += self._say(item, text, told[len(said) :])
        elif item.kind == "function_call" and not said:
            out += self._say(item, text, "{}")  # clients parse it
        text.whole = text.so_far()
        text.raw = bytearray()
        fields = {**self._place(item, text), text.kind.field: text.whole, **_logprobs(text.kind, [])}
        if item.kind == "function_call":
            fields["name"] = item.shown["name"]
        return out + self._writer.emit(f"{text.kind.event}.done", **fields)

    def _end_part(self, item: Item, text: Text, told: object) -> bytes:
        if text.part_ended:
            return b""
        text.part_ended, text.told = True, told
        out = self._end_text(item, text, part_text(told))
        part = text.part(self._ids)
        return out + self._writer.emit(f"{text.kind.part_event}.done", **self._place(item, text), part=part)

    def _part(self, event: Fields, *, is_end: bool) -> bytes:
        part = event.get("part")
        kind = PART_KINDS.get(str(part.get("type"))) if isinstance(part, dict) else None
        found = None if kind is None else self._text_of(kind, event)
        if found is None:
            return b""
        item, text, out = found
        return out + self._end_part(item, text, part) if is_end else out

    def _annotation(self, event: Fields) -> bytes:
        found = self._text_of(PART_KINDS["output_text"], event)
        shown = shown_annotation(event.get("annotation"), self._ids)
        if found is None or shown is None:
            return b""
        item, text, out = found
        text.annotations.append(shown)
        number = len(text.annotations) - 1
        fields = {**self._place(item, text), "annotation_index": number, "annotation": shown}
        return out + self._writer.emit("response.output_text.annotation.added", **fields)

    def _item_done(self, told: object, index: object) -> bytes:
        if not isinstance(told, dict) or not is_known(told.get("type")):
            return b""
        item, out = self._find({"item_id": told.get("id"), "output_index": index}), b""
        if item is None or item.kind != told["type"]:
            earlier = self._by_id.get(str(told.get("id")))
            if earlier is not None and earlier.kind == told["type"]:
                return b""  # said twice
            item, out = self._open(told, index)
        return out + self._close(item, told, "completed")

    def _close(self, item: Item, told: Fields, status: str) -> bytes:
        """Bring an item to its end: every text that was not streamed, every end that was not told."""
        out = b""
        for place in ("summary", "content"):
            parts = told.get(place)
            for number, part in enumerate(parts if isinstance(parts, list) else []):
                kind = PART_KINDS.get(str(part.get("type"))) if isinstance(part, dict) else None
                if kind is None or kind.item_kind != item.kind:
                    continue
                text = item.text(kind, number)
                if text is None:
                    if self._is_said_otherwise(item, kind):
                        continue
                    text, begun = self._begin_text(item, kind, number)
                    out += begun
                out += self._end_part(item, text, part)
        for text in item.texts.values():
            if text.kind.part is not None:
                out += self._end_part(item, text, None)
        if item.kind in CALL_KINDS:
            kind = CALL_KINDS[item.kind]
            if isinstance(told.get("name"), str):
                item.shown["name"] = told["name"]
            text = item.text(kind, 0) or item.begin_text(kind, 0)
            out += self._end_text(item, text, told.get(kind.field))
        item.final = item.end(told, status, self._ids)
        sealed = told.get("encrypted_content")
        if item.kind == "reasoning" and isinstance(sealed, str) and sealed and self._seal is not None:
            item.final["encrypted_content"] = self._seal({"id": told.get("id"), "encrypted_content": sealed})
        return out + self._writer.emit("response.output_item.done", output_index=item.index, item=item.final)

    def terminal(self, status: str, told: object) -> bytes:
        """Read the finished object: close what is open, say what was never streamed.

        Raises:
            GatewayError: it did not come to a good end.
        """
        response = told if isinstance(told, dict) else {}
        if response.get("status") in ("failed", "cancelled"):
            raise error_in_response(response, param="input")
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        if reason or response.get("status") == "incomplete" or status == "incomplete":
            status = "incomplete"
            self.incomplete = "content_filter" if reason == "content_filter" else "max_output_tokens"
        output = response.get("output")
        known = [self._restored(one) for one in (output if isinstance(output, list) else []) if isinstance(one, dict)]
        known = [one for one in known if is_known(one.get("type"))]
        out = b""
        for number, item in enumerate(self.items):
            if item.final is None:
                same = number < len(known) and known[number]["type"] == item.kind
                out += self._close(item, known[number] if same else {}, status)
        for one in known[len(self.items) :]:  # told in the finished object alone
            item, begun = self._open(one, None)
            out += begun + self._close(item, one, "completed")
        self.status, self.usage = status, response.get("usage")
        self.is_done = True
        return out

    def stop(self) -> bytes:
        """Take ``[DONE]`` without a terminal event for an end: what has come is the answer."""
        out = self.terminal("completed", None) if self._writer.has_output else b""
        self.is_done = True
        return out

    def _hosted(self, kind: object, event: Fields) -> bytes:
        """Pass on an event of a tool that runs behind the upstream; any other kind is dropped."""
        if not isinstance(kind, str) or kind not in (*HOSTED, *AUDIO):
            return b""
        place: Fields = {}
        if kind in HOSTED:
            item = self._find(event)
            if item is None:
                return b""
            place = {"item_id": item.item_id, "output_index": item.index}
        keys = HOSTED.get(kind) or AUDIO.get(kind) or ()
        out = self._writer.commit() if kind in AUDIO else b""
        return out + self._writer.emit(kind, **place, **{key: event[key] for key in keys if event.get(key) is not None})


def _logprobs(kind: TextKind, probabilities: list[Fields]) -> Fields:
    return {"logprobs": probabilities} if kind.part == "output_text" else {}
