"""A chat client on a Responses upstream: its events as chat chunks. Pure but for the stream's own state.

No text is kept, only how much of each has been sent: some servers bring a text, or its rest, at its end alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from msgspec import Struct, field

from .. import sse
from ..errors import GatewayError, UpstreamError, UpstreamIncomplete
from .chat_answer import Tokens, listed
from .chat_over_responses_calls import ChatCall, ending_of, finish_of, form_of, reasoning_to_keep
from .chat_over_responses_stop import StopCutter
from .native_errors import error_in_event, error_in_response
from .native_events import (
    CALL_KINDS,
    DELTAS,
    DONES,
    OUTPUT_TEXT,
    PART_DONE,
    PART_KINDS,
    REFUSAL,
    SUMMARY,
    TERMINAL,
    TextKind,
)
from .native_items import part_text, shown_logprobs
from .native_parts import escaped, length_of
from .native_template import MARK, Templates
from .native_usage import chat_usage, tokens_told

Fields = dict[str, Any]


class _Item(Struct, eq=False):
    """One output item; ``sent`` counts the characters of each of its texts, by event and part number."""

    kind: str
    upstream_id: str
    sent: dict[tuple[str, int], int] = field(default_factory=dict)
    call: ChatCall | None = None
    has_ended: bool = False


class _Delta(Struct, frozen=True):
    """How to say another piece of a text: ``head + piece + tail``; what is sent is counted under ``key``."""

    item: _Item
    key: tuple[str, int]
    head: bytes
    tail: bytes


class ChatOverResponses:
    """Turns the upstream's events into the client's chunks (``StreamTranslator``)."""

    def __init__(
        self,
        *,
        alias: str,
        answer_id: str,
        created: int,
        include_usage: bool,
        new_call_id: Callable[[], str],
        stops: Sequence[str] = (),
        functions: frozenset[str] = frozenset(),
        legacy_functions: bool = False,
        choice_index: int = 0,
    ) -> None:
        """Take what the answer is known by, and what ``stops_of``, ``declared_functions`` and
        ``uses_legacy_functions`` tell of the request; ``choice_index`` for one of several calls that answer it."""
        self._skeleton = {"id": answer_id, "object": "chat.completion.chunk", "created": created, "model": alias}
        self._include_usage = include_usage
        self._new_call_id = new_call_id
        self._stops = stops
        self._functions, self._legacy = functions, legacy_functions
        self._choice_index = choice_index
        self._estimate: Tokens | None = None
        self.restart()

    def restart(self) -> None:
        """Forget what a failed attempt said; only called before the first output."""
        self._items: list[_Item] = []
        self._open: dict[object, _Item] = {}
        self._calls: list[ChatCall] = []
        self._templates: Templates[_Delta] = Templates()
        self._cutter = StopCutter(self._stops)
        self._trouble: GatewayError | None = None
        self._told_usage: object = None
        self._finish = ""
        self._reasoning: list[Fields] = []
        self.has_output = False
        self.is_done = False
        self.output_bytes = 0

    @property
    def kept_reasoning(self) -> dict[str, list[Fields]]:
        """By our call id, the reasoning items that the upstream wants back with the call's result."""
        return {call.call_id: self._reasoning for call in self._calls if self._reasoning}

    @property
    def usage(self) -> Fields | None:
        """The counts as the client may see them."""
        counts = self.tokens() or self._estimate
        return chat_usage(counts, self._told_usage) if counts else None

    @property
    def has_finished(self) -> bool:
        """Tell whether it is known how the answer ended."""
        return bool(self._finish)

    def feed(self, events: list[bytes]) -> bytes:
        """Return the client's bytes for the data of some upstream events; nothing before the first output.

        Raises:
            GatewayError: the upstream reports an error or sends something that is no event. After output it
                is raised by ``finish`` instead, so that what came before it is not lost.
        """
        had_output = self.has_output
        out = bytearray()
        for data in events:
            if self.is_done:
                break
            known = self._templates.match(data)
            if known is not None:
                piece, delta = known
                delta.item.sent[delta.key] += length_of(piece)
                self.output_bytes += len(piece)
                out += delta.head + piece + delta.tail
            elif data == b"[DONE]":
                said = any(item.sent or item.call for item in self._items)
                out += self._end_of_answer("completed", {}) if said else b""
                self.is_done = True
            else:
                try:
                    out += self._slowly(data)
                except GatewayError as error:
                    if not had_output:
                        raise
                    self._trouble, self.is_done = error, True
        return bytes(out)

    def finish(self) -> bytes:
        """Return the chunk that ends the choice, the usage if it was asked for, and ``[DONE]``.

        Raises:
            UpstreamIncomplete: the upstream just stopped.
            UpstreamError: it ended with neither output nor an end of its own.
            GatewayError: the error that ``feed`` kept.
        """
        out = self.end_call()
        if self._include_usage:
            out += self._chunk([], usage=self.usage)
        return out + sse.DONE

    def end_call(self) -> bytes:
        """Return the chunk that ends the choice (``MergedStreams``); raises like ``finish``."""
        if self._trouble is not None:
            raise self._trouble
        if not self._finish:
            if not self.has_output:
                raise UpstreamError(detail="the stream ended with neither output nor a terminal event")
            raise UpstreamIncomplete(detail="the stream ended without a terminal event")
        return self._begin() + self._delta({}, finish=self._finish)

    def fail(self, error: GatewayError) -> bytes:
        """Return the bytes that end a stream whose header has left with an error."""
        return sse.encode(orjson.dumps(error.body())) + sse.DONE

    def keep_alive(self) -> bytes:
        """Return a comment: clients of this dialect read over it."""
        return sse.KEEP_ALIVE

    def tokens(self) -> Tokens | None:
        """Return the upstream's token counts, if it told any; a choice that was stopped here has none."""
        return tokens_told(self._told_usage)

    def set_estimate(self, estimate: Tokens) -> None:
        """Take counts for an answer whose upstream told none."""
        self._estimate = estimate

    # -- reading events

    def _slowly(self, data: bytes) -> bytes:
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise UpstreamError(detail=f"an event that is not JSON, {len(data)} bytes") from error
        trouble = error_in_event(event, param="messages")
        if trouble is not None:
            raise trouble
        kind = event.get("type")
        if kind in DELTAS:
            return self._text_event(DELTAS[kind], event, event.get("delta"), data)
        if kind in DONES:
            return self._rest_event(DONES[kind], event, event.get(DONES[kind].field))
        if kind in PART_DONE and isinstance(event.get("part"), dict):
            part_kind = PART_KINDS.get(str(event["part"].get("type")))
            return self._rest_event(part_kind, event, part_text(event["part"])) if part_kind else b""
        if kind == "response.output_item.added":
            return self._item_added(event.get("item"), event.get("output_index"))
        if kind == "response.output_item.done":
            return self._item_done(event.get("item"), event.get("output_index"))
        if kind in TERMINAL:
            response = event.get("response")
            return self._end_of_answer(TERMINAL[kind], response if isinstance(response, dict) else {})
        return b""

    def _find(self, upstream_id: object, index: object) -> _Item | None:
        item = self._open.get(str(upstream_id)) or self._open.get(index if isinstance(index, int) else None)
        return None if item is None or item.has_ended else item

    def _add(self, kind: str, upstream_id: object, index: object) -> _Item:
        item = _Item(kind, str(upstream_id))
        self._items.append(item)
        self._open[item.upstream_id] = item
        if isinstance(index, int):
            self._open[index] = item
        return item

    def _item_added(self, told: object, index: object) -> bytes:
        if not isinstance(told, dict) or not isinstance(told.get("type"), str):
            return b""
        item = self._find(told.get("id"), index)
        if item is None or item.kind != told["type"] or item.upstream_id != str(told.get("id")):
            item = self._add(told["type"], told.get("id"), index)
        # A call without a name waits for it: clients fail on a first delta without one.
        return self._start_call(item, told["name"]) if isinstance(told.get("name"), str) and told["name"] else b""

    def _start_call(self, item: _Item, name: str) -> bytes:
        if item.call is not None or item.kind not in CALL_KINDS or (self._legacy and self._calls):
            return b""
        out = self._begin() + self._flush()
        form = form_of(item.kind, name, self._functions, legacy=self._legacy)
        item.call = ChatCall(len(self._calls), self._new_call_id(), name, form)
        self._calls.append(item.call)
        self.output_bytes += len(name)
        return out + self._delta(item.call.start())

    def _text_event(self, kind: TextKind, event: Fields, piece: object, data: bytes) -> bytes:
        if not isinstance(piece, str) or not piece:
            return b""
        item, number = self._place(kind, event)
        if item is None:
            return b""
        probabilities = shown_logprobs(event.get("logprobs"))
        out = self._say(item, kind, number, piece, probabilities)
        render = None if probabilities else self._renderer(item, kind)
        if render is not None and (kind.event, number) in item.sent:
            head, _, tail = self._delta(render(MARK)).partition(MARK.encode())
            sink = _Delta(item, (kind.event, number), head, tail)
            self._templates.learn(data, {**event, "delta": MARK}, piece, sink)
        return out

    def _rest_event(self, kind: TextKind, event: Fields, told: object) -> bytes:
        item, number = self._place(kind, event)
        return b"" if item is None else self._say_rest(item, kind, number, told)

    def _place(self, kind: TextKind, event: Fields) -> tuple[_Item | None, int]:
        number = event.get(kind.index) if kind.index else 0
        item = self._find(event.get("item_id"), event.get("output_index"))
        if item is None and kind.part is not None and str(event.get("item_id")) not in self._open:
            item = self._add(kind.item_kind, event.get("item_id"), event.get("output_index"))
        return item, number if isinstance(number, int) else 0

    def _item_done(self, told: object, index: object) -> bytes:
        if not isinstance(told, dict) or not isinstance(told.get("type"), str):
            return b""
        item = self._find(told.get("id"), index)
        if item is None or item.kind != told["type"]:
            earlier = self._open.get(str(told.get("id")))
            if earlier is not None and earlier.kind == told["type"]:
                return b""  # said twice
            item = self._add(told["type"], told.get("id"), index)
        return self._close(item, told)

    def _close(self, item: _Item, told: Fields) -> bytes:
        """Say what of an item has not been said yet."""
        out = b""
        for place in ("summary", "content"):
            for number, part in enumerate(listed(told.get(place))):
                kind = PART_KINDS.get(str(part.get("type"))) if isinstance(part, dict) else None
                if kind is not None:
                    out += self._say_rest(item, kind, number, part_text(part))
        if item.kind in CALL_KINDS:
            kind = CALL_KINDS[item.kind]
            out += self._start_call(item, str(told.get("name") or ""))
            if item.call is not None:
                out += self._say_rest(item, kind, 0, told.get(kind.field))
                if not item.sent.get((kind.event, 0)) and item.kind == "function_call":
                    out += self._delta(item.call.piece("{}"))  # clients parse it
                elif item.call.form == "wrapped":
                    is_first = not item.sent.get((kind.event, 0))
                    out += self._delta(item.call.piece(item.call.wrap("", is_first=is_first, is_last=True)))
        if item.kind == "reasoning" and told.get("encrypted_content"):
            self._reasoning.append(reasoning_to_keep(told))
        item.has_ended = True
        self._templates.clear()
        return out

    def _end_of_answer(self, status: str, response: Fields) -> bytes:
        if response.get("status") in ("failed", "cancelled"):
            raise error_in_response(response, param="messages")
        told = [one for one in listed(response.get("output")) if isinstance(one, dict)]
        out = b""
        for number, item in enumerate(self._items):
            if not item.has_ended:
                same = number < len(told) and told[number].get("type") == item.kind
                out += self._close(item, told[number] if same else {})
        for one in told[len(self._items) :]:
            if isinstance(one.get("type"), str):
                out += self._close(self._add(one["type"], one.get("id"), None), one)
        out += self._flush()
        status, reason = ending_of(response, status)
        self._finish = finish_of(status, reason, has_calls=bool(self._calls), legacy=self._legacy)
        self._told_usage, self.is_done = response.get("usage"), True
        return out

    # -- saying

    def _say_rest(self, item: _Item, kind: TextKind, number: int, told: object) -> bytes:
        sent = item.sent.get((kind.event, number), 0)
        if not isinstance(told, str) or len(told) <= sent:
            return b""
        return self._say(item, kind, number, told[sent:], [])

    def _say(self, item: _Item, kind: TextKind, number: int, piece: str, probabilities: list[Fields]) -> bytes:
        key = (kind.event, number)
        is_first = key not in item.sent
        if kind.item_kind == "reasoning" and kind.part is not None and is_first:
            if any(event != kind.event for event, _ in item.sent):
                return b""  # the same thoughts in their other form
            if item.sent and kind is SUMMARY:
                item.sent[key] = 0
                return self._say_plain("\n\n", kind) + self._say(item, kind, number, piece, probabilities)
        if item.call is None and kind.part is None:
            return b""  # the name is not known yet; the end brings all of it
        item.sent[key] = item.sent.get(key, 0) + len(piece)
        if item.call is not None and kind.part is None:
            self.output_bytes += len(escaped(piece))
            return self._delta(item.call.piece(item.call.wrap(piece, is_first=is_first, is_last=False)))
        if kind is not OUTPUT_TEXT:
            return (self._flush() if kind is REFUSAL else b"") + self._say_plain(piece, kind)
        piece = self._cutter.feed(piece)
        out = self._say_plain(piece, kind, probabilities) if piece else b""
        if self._cutter.has_stopped:
            self._finish, self.is_done = "stop", True
        return out

    def _say_plain(self, piece: str, kind: TextKind, probabilities: list[Fields] | None = None) -> bytes:
        self.output_bytes += len(escaped(piece))
        logprobs = {"content": probabilities, "refusal": None} if probabilities else None
        return self._begin() + self._delta({_field_of(kind): piece}, logprobs=logprobs)

    def _flush(self) -> bytes:
        held = self._cutter.flush()
        return self._say_plain(held, OUTPUT_TEXT) if held else b""

    def _renderer(self, item: _Item, kind: TextKind) -> Callable[[str], Fields] | None:
        """Return how a piece of this text becomes a delta as it is; None where more has to be done to it."""
        if kind.part is None:
            return item.call.piece if item.call is not None and item.call.form != "wrapped" else None
        if kind is OUTPUT_TEXT and self._stops:
            return None
        return lambda text: {_field_of(kind): text}

    def _begin(self) -> bytes:
        if self.has_output:
            return b""
        self.has_output = True
        return self._delta({"role": "assistant", "content": ""})

    def _delta(self, delta: Fields, *, finish: str | None = None, logprobs: Fields | None = None) -> bytes:
        shown: Fields = {"index": self._choice_index, "delta": delta}
        if logprobs is not None:
            shown["logprobs"] = logprobs
        shown["finish_reason"] = finish
        return self._chunk([shown])

    def _chunk(self, choices: list[Fields], **more: Any) -> bytes:
        chunk: Fields = {**self._skeleton, "choices": choices}
        if self._include_usage:
            chunk["usage"] = None
        return sse.encode(orjson.dumps({**chunk, **more}))


def _field_of(kind: TextKind) -> str:
    if kind is OUTPUT_TEXT:
        return "content"
    return "refusal" if kind is REFUSAL else "reasoning_content"
