"""The output items of a Responses stream while they grow. Each knows the exact order of its own events.

The text of an item is held once: as the list of its pieces, insides of JSON strings, while it is open; joined
when it is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from .responses_custom_input import InputUnwrapper, PatchTrimmer
from .responses_events import DeltaFrame, EventWriter, delta_frame, inside_of, joined
from .responses_object import call_item, message_item, reasoning_item, refusal_part, text_part
from .responses_tools import Tool

Seal = Callable[[dict[str, Any]], str]


class OpenItem:
    """What all items have in common: an id and a place that never change, ``added`` first and ``done`` last."""

    def __init__(self, writer: EventWriter, item_id: str, output_index: int) -> None:
        """Take the next free place in the output."""
        self._writer = writer
        self._id = item_id
        self._output_index = output_index
        self.finished: dict[str, Any] | None = None
        """The whole item, once it is closed."""

    def item(self, status: str) -> dict[str, Any]:
        """Return the item as it stands now."""
        raise NotImplementedError

    def close(self, status: str) -> bytes:
        """Return the events that end the item; ``status`` is completed or incomplete."""
        out = self._end(status)
        self.finished = self._sealed(self.item(status))
        self._forget()
        return out + self._writer.event(
            "response.output_item.done", output_index=self._output_index, item=self.finished
        )

    def _added(self, item: dict[str, Any]) -> bytes:
        return self._writer.event("response.output_item.added", output_index=self._output_index, item=item)

    def _inside(self, kind: str, **fields: Any) -> bytes:
        return self._writer.event(kind, item_id=self._id, output_index=self._output_index, **fields)

    def _end(self, status: str) -> bytes:
        raise NotImplementedError

    def _sealed(self, item: dict[str, Any]) -> dict[str, Any]:
        return item

    def _forget(self) -> None:
        """Drop the pieces: the finished item has them joined."""


class OpenMessage(OpenItem):
    """A message with texts and refusals, one part after the other."""

    def __init__(self, writer: EventWriter, item_id: str, output_index: int) -> None:
        """Begin without a part."""
        super().__init__(writer, item_id, output_index)
        self._parts: list[dict[str, Any]] = []  # those that have ended
        self._kind: str | None = None  # of the part that grows
        self._pieces: list[bytes] = []
        self._logprobs: list[dict[str, Any]] = []
        self._frame = DeltaFrame(b"")

    def start(self) -> bytes:
        """Return the event that opens the message."""
        return self._added(message_item(self._id, "in_progress", []))

    @property
    def takes_text(self) -> bool:
        """Whether ``more_text`` may be called: the part that grows is a text."""
        return self._kind == "output_text"

    def text(self, inside: bytes, logprobs: list[dict[str, Any]]) -> bytes:
        """Add text."""
        out = b"" if self.takes_text else self._open_part("output_text", "response.output_text.delta", logprobs=[])
        if not logprobs:
            return out + self.more_text([inside])
        self._pieces.append(inside)
        self._logprobs += logprobs
        place = len(self._parts)
        delta = joined([inside])
        return out + self._inside("response.output_text.delta", content_index=place, delta=delta, logprobs=logprobs)

    def more_text(self, insides: list[bytes]) -> bytes:
        """Add texts to the text that grows: what nearly every event of a stream does."""
        self._pieces += insides
        return self._writer.deltas(self._frame, insides)

    def refusal(self, inside: bytes) -> bytes:
        """Add to a refusal."""
        out = b"" if self._kind == "refusal" else self._open_part("refusal", "response.refusal.delta")
        self._pieces.append(inside)
        return out + self._writer.deltas(self._frame, [inside])

    def item(self, status: str) -> dict[str, Any]:
        """Return the message as it stands now."""
        growing = [] if self._kind is None else [self._part()]
        return message_item(self._id, status, [*self._parts, *growing])

    def _open_part(self, kind: str, delta_kind: str, **constant: Any) -> bytes:
        out = self._close_part()
        self._kind = kind
        place = len(self._parts)
        self._frame = delta_frame(
            delta_kind, item_id=self._id, output_index=self._output_index, content_index=place, **constant
        )
        return out + self._inside("response.content_part.added", content_index=place, part=self._part())

    def _close_part(self) -> bytes:
        if self._kind is None:
            return b""
        place = len(self._parts)
        part = self._part()
        if self._kind == "refusal":
            out = self._inside("response.refusal.done", content_index=place, refusal=part["refusal"])
        else:
            out = self._inside(
                "response.output_text.done", content_index=place, text=part["text"], logprobs=self._logprobs
            )
        out += self._inside("response.content_part.done", content_index=place, part=part)
        self._parts.append(part)
        self._kind, self._pieces, self._logprobs = None, [], []
        return out

    def _part(self) -> dict[str, Any]:
        text = joined(self._pieces)
        return refusal_part(text) if self._kind == "refusal" else text_part(text, self._logprobs)

    def _end(self, status: str) -> bytes:
        return self._close_part()


class OpenReasoning(OpenItem):
    """Reasoning, shown as a summary or as its own text; sealed at its end if the client wants to send it back."""

    def __init__(
        self, writer: EventWriter, item_id: str, output_index: int, *, as_summary: bool, seal: Seal | None
    ) -> None:
        """``seal`` is None when the client did not ask for it."""
        super().__init__(writer, item_id, output_index)
        self._as_summary = as_summary
        self._seal = seal
        self._pieces: list[bytes] = []
        self._details: list[dict[str, Any]] = []
        place = {"summary_index": 0} if as_summary else {"content_index": 0}
        self._place = place
        kind = "response.reasoning_summary_text" if as_summary else "response.reasoning_text"
        self._kind = kind
        self._frame = delta_frame(f"{kind}.delta", item_id=item_id, output_index=output_index, **place)

    def start(self) -> bytes:
        """Return the event that opens the item."""
        return self._added(self.item("in_progress"))

    def add(self, insides: list[bytes]) -> bytes:
        """Add texts."""
        out = b""
        if not self._pieces:
            out = self._inside(f"{self._part_kind}.added", **self._place, part=self._part(""))
        self._pieces += insides
        return out + self._writer.deltas(self._frame, insides)

    def keep(self, details: list[Any]) -> None:
        """Keep what the upstream wants back unchanged, joining the pieces of one detail."""
        if self._seal is None:
            return
        for detail in details:
            if not isinstance(detail, dict):
                continue
            last = self._details[-1] if self._details else None
            if last is not None and _is_more_of(last, detail):
                _join(last, detail)
            else:
                self._details.append(dict(detail))

    def item(self, status: str) -> dict[str, Any]:
        """Return the reasoning as it stands now."""
        text = joined(self._pieces) if self._pieces else None
        return reasoning_item(self._id, status, text=text, as_summary=self._as_summary)

    @property
    def _part_kind(self) -> str:
        return "response.reasoning_summary_part" if self._as_summary else "response.content_part"

    def _part(self, text: str) -> dict[str, Any]:
        return {"type": "summary_text" if self._as_summary else "reasoning_text", "text": text}

    def _end(self, status: str) -> bytes:
        if not self._pieces:
            return b""
        text = joined(self._pieces)
        out = self._inside(f"{self._kind}.done", **self._place, text=text)
        return out + self._inside(f"{self._part_kind}.done", **self._place, part=self._part(text))

    def _sealed(self, item: dict[str, Any]) -> dict[str, Any]:
        if self._seal is None:
            return item
        kept = {"kind": "reasoning", "text": joined(self._pieces), "details": self._details}
        return {**item, "encrypted_content": self._seal(kept)}

    def _forget(self) -> None:
        self._pieces, self._details = [], []


class OpenCall(OpenItem):
    """A call of a function or of a custom tool, whose free text is taken out of its JSON on the way."""

    def __init__(self, writer: EventWriter, item_id: str, output_index: int, *, call_id: str, tool: Tool) -> None:
        """``call_id`` is the id that the client answers the call with."""
        super().__init__(writer, item_id, output_index)
        self._call_id = call_id
        self._tool = tool
        self._pieces: list[bytes] = []
        self._unwrapper = InputUnwrapper() if tool.kind == "custom" else None
        self._trimmer = PatchTrimmer() if tool.is_patch else None
        is_function = tool.kind == "function"
        self._kind = "response.function_call_arguments" if is_function else "response.custom_tool_call_input"
        self._frame = delta_frame(f"{self._kind}.delta", item_id=item_id, output_index=output_index)

    def start(self) -> bytes:
        """Return the event that opens the call."""
        return self._added(self.item("in_progress"))

    def add(self, piece: str) -> bytes:
        """Add a piece of the arguments."""
        if self._unwrapper is not None:
            piece = self._unwrapper.feed(piece)
            if self._trimmer is not None and piece:
                piece = self._trimmer.feed(piece)
        return self._show(piece)

    @property
    def takes(self) -> Callable[[list[bytes]], bytes] | None:
        """What takes further pieces of the arguments as the insides of JSON strings; None: the call is closed."""
        if self.finished is not None:
            return None
        return self.add_insides if self._unwrapper is None else self._add_wrapped

    def _add_wrapped(self, insides: list[bytes]) -> bytes:
        return b"".join([self.add(joined([inside])) for inside in insides])

    def _show(self, piece: str) -> bytes:
        return self.add_insides([inside_of(piece)]) if piece else b""

    def add_insides(self, insides: list[bytes]) -> bytes:
        """Add pieces, none of them empty, of what the client is shown."""
        self._pieces += insides
        return self._writer.deltas(self._frame, insides)

    @property
    def is_whole(self) -> bool:
        """Whether nothing that could follow would change the call."""
        if self._unwrapper is not None:
            return self._unwrapper.is_closed
        return bool(self._pieces) and self._pieces[-1].rstrip().endswith(b"}") and _is_object(joined(self._pieces))

    def item(self, status: str) -> dict[str, Any]:
        """Return the call as it stands now."""
        return call_item(
            self._tool.kind,
            self._id,
            status,
            call_id=self._call_id,
            name=self._tool.name,
            namespace=self._tool.namespace,
            text=joined(self._pieces),
        )

    def _end(self, status: str) -> bytes:
        if self._unwrapper is not None:
            out = self._show(self._rest_of_input(self._unwrapper, status))
            return out + self._inside(f"{self._kind}.done", input=joined(self._pieces))
        out = b""
        if status == "completed" and not joined(self._pieces).strip():
            out = self.add_insides([b"{}"])  # a function without arguments: clients parse them
        return out + self._inside(f"{self._kind}.done", name=self._tool.name, arguments=joined(self._pieces))

    def _rest_of_input(self, unwrapper: InputUnwrapper, status: str) -> str:
        rest = unwrapper.finish()
        if self._trimmer is None:
            return rest
        return self._trimmer.feed(rest) + self._trimmer.finish(is_whole=status == "completed")

    def _forget(self) -> None:
        self._pieces = []


def _is_object(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _is_more_of(last: dict[str, Any], detail: dict[str, Any]) -> bool:
    same = all(last.get(key) == detail.get(key) for key in ("type", "index", "format"))
    return same and detail.get("type") in ("reasoning.text", "reasoning.summary") and last.get("signature") is None


def _join(last: dict[str, Any], detail: dict[str, Any]) -> None:
    for key, value in detail.items():
        if key in ("text", "summary") and isinstance(value, str) and isinstance(last.get(key), str):
            last[key] += value
        elif value is not None:
            last[key] = value
