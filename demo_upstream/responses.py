"""The event stream of the Responses API: an Answer as (event name, JSON payload) pairs in their order."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import orjson

from demo_upstream.answer import Answer
from demo_upstream.chat_calls import fragments
from demo_upstream.conversation import Conversation
from demo_upstream.failures import error_object, stream_error_payload
from demo_upstream.responses_object import finished, output_items, response_object
from demo_upstream.script import Script

Item = dict[str, Any]
Event = tuple[str, bytes]


class EventStream:
    """The events of one answer. Numbers them: ``sequence_number`` grows by one from 0, without gaps."""

    def __init__(self, conversation: Conversation, script: Script, answer: Answer) -> None:
        self._conversation, self._script, self._answer = conversation, script, answer
        self._sequence = 0

    def __iter__(self) -> Iterator[Event]:
        items = output_items(self._conversation, self._script, self._answer)
        running = response_object(self._conversation, "in_progress", [], None)
        yield self._emit("response.created", response=running)
        yield self._emit("response.in_progress", response=running)
        calls: list[tuple[int, Item]] = []
        for index, item in enumerate(items):
            if item["type"] == "reasoning":
                yield from self._reasoning(index, item)
            elif item["type"] == "message":
                yield from self._message(index, item)
            else:
                calls.append((index, item))
        yield from self._calls(calls)
        whole = finished(self._conversation, self._script, self._answer, items)
        yield self._emit(f"response.{whole['status']}", response=whole)

    def failure(self, form: str) -> Iterator[Event]:
        """The events of an error at this point of the stream; ``failed`` is what OpenAI sends."""
        if form not in ("failed", "event"):
            yield "", stream_error_payload(self._script, form)
            return
        error = error_object(self._script, 500)
        flat = {"code": error["code"], "message": error["message"], "param": error["param"]}
        yield self._emit("error", **flat, error=error)
        if form == "failed":
            reason = {"code": error["code"] or "server_error", "message": error["message"]}
            whole = response_object(self._conversation, "failed", [], None, reason)
            yield self._emit("response.failed", response=whole)

    def _emit(self, kind: str, **keys: Any) -> Event:
        payload = orjson.dumps({"type": kind, "sequence_number": self._sequence, **keys})
        self._sequence += 1
        return kind, payload

    def _deltas(self, kind: str, pieces: Any, **place: Any) -> Iterator[Event]:
        """Delta events: the bytes around number and text are made once."""
        start = orjson.dumps({"type": kind})[:-1] + b',"sequence_number":'
        middle = b"," + orjson.dumps(place)[1:-1] + b',"delta":'
        for piece in pieces:
            yield kind, b"%b%d%b%b}" % (start, self._sequence, middle, orjson.dumps(piece))
            self._sequence += 1

    def _reasoning(self, index: int, item: Item) -> Iterator[Event]:
        summary = bool(item["summary"])
        part = item["summary"][0] if summary else item["content"][0]
        opened = {**item, "status": "in_progress", "summary": [], **({} if summary else {"content": []})}
        opened.pop("encrypted_content", None)
        counter = "summary_index" if summary else "content_index"
        place = {"item_id": item["id"], "output_index": index, counter: 0}
        part_kind = "response.reasoning_summary_part" if summary else "response.content_part"
        text_kind = "response.reasoning_summary_text" if summary else "response.reasoning_text"
        yield self._emit("response.output_item.added", output_index=index, item=opened)
        yield self._emit(f"{part_kind}.added", **place, part={**part, "text": ""})
        yield from self._deltas(f"{text_kind}.delta", self._answer.reasoning, **place)
        yield self._emit(f"{text_kind}.done", **place, text=part["text"])
        yield self._emit(f"{part_kind}.done", **place, part=part)
        yield self._emit("response.output_item.done", output_index=index, item=item)

    def _message(self, index: int, item: Item) -> Iterator[Event]:
        part = item["content"][0]
        refused = part["type"] == "refusal"
        field = "refusal" if refused else "text"
        kind = "response.refusal" if refused else "response.output_text"
        pieces = self._answer.refusal if refused else self._answer.text
        logprobs: Item = {} if refused else {"logprobs": []}
        place = {"item_id": item["id"], "output_index": index, "content_index": 0}
        opened = {**item, "status": "in_progress", "content": []}
        yield self._emit("response.output_item.added", output_index=index, item=opened)
        yield self._emit("response.content_part.added", **place, part={**part, field: ""})
        yield from self._deltas(f"{kind}.delta", pieces, **place, **logprobs)
        yield self._emit(f"{kind}.done", **place, **{field: part[field]}, **logprobs)
        yield self._emit("response.content_part.done", **place, part=part)
        yield self._emit("response.output_item.done", output_index=index, item=item)

    def _calls(self, calls: list[tuple[int, Item]]) -> Iterator[Event]:
        if not self._script.interleave:
            for index, item in calls:
                yield self._call_added(index, item)
                for piece in fragments(_input_of(item)):
                    yield from self._call_delta(index, item, piece)
                yield from self._call_done(index, item)
            return
        for index, item in calls:
            yield self._call_added(index, item)
        for row in zip_longest(*(fragments(_input_of(item)) for _, item in calls)):
            for (index, item), piece in zip(calls, row, strict=True):
                if piece is not None:
                    yield from self._call_delta(index, item, piece)
        for index, item in calls:
            yield from self._call_done(index, item)

    def _call_added(self, index: int, item: Item) -> Event:
        opened = {**item, "status": "in_progress", _field_of(item): ""}
        return self._emit("response.output_item.added", output_index=index, item=opened)

    def _call_delta(self, index: int, item: Item, piece: str) -> Iterator[Event]:
        return self._deltas(f"{_kind_of(item)}.delta", (piece,), item_id=item["id"], output_index=index)

    def _call_done(self, index: int, item: Item) -> Iterator[Event]:
        keys = {_field_of(item): _input_of(item), "name": item["name"]}
        if item["type"] == "custom_tool_call":
            del keys["name"]
        yield self._emit(f"{_kind_of(item)}.done", item_id=item["id"], output_index=index, **keys)
        yield self._emit("response.output_item.done", output_index=index, item=item)


def whole(conversation: Conversation, script: Script, answer: Answer) -> Item:
    """The finished Responses object of an answer that is not streamed."""
    return finished(conversation, script, answer, output_items(conversation, script, answer))


def _field_of(item: Item) -> str:
    return "input" if item["type"] == "custom_tool_call" else "arguments"


def _input_of(item: Item) -> str:
    text: str = item[_field_of(item)]
    return text


def _kind_of(item: Item) -> str:
    custom = item["type"] == "custom_tool_call"
    return "response.custom_tool_call_input" if custom else "response.function_call_arguments"
