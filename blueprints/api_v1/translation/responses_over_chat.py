"""A Chat Completions answer from an upstream as a Responses answer: a stream of events, or one object.

Both take the same way, so a whole answer equals the last object of the stream that says the same. The orders
of events are those that the official SDKs and coding agents accept; each kind of item knows its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ..errors import GatewayError, UpstreamError, UpstreamIncomplete
from .chat_answer import Tokens, content_of, finish_reason, reasoning_of
from .responses_bridged_calls import OpenBridgedCall
from .responses_bridged_tools import BRIDGED_KINDS, ITEM_PREFIXES
from .responses_calls import Call, Calls, body_of
from .responses_events import DONE, EventWriter, SilentWriter, inside_of, read_json
from .responses_logprobs import probabilities
from .responses_object import ended_response, response_base, usage_from_chat, usage_of
from .responses_open_items import OpenCall, OpenItem, OpenMessage, OpenReasoning, Seal
from .responses_templates import Templates
from .responses_tools import ToolTable
from .upstream_errors import TOLD_CODES, error_in_chunk, shape_of

_CALL_PREFIXES = {"function": "fc_", "custom": "ctc_", **ITEM_PREFIXES}
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ResponsesOverChat:
    """Turns the upstream's chunks into the client's events, one response long. Pure but for its own state."""

    def __init__(
        self,
        *,
        body: dict[str, Any],
        tools: ToolTable,
        response_id: str,
        created_at: int,
        alias: str,
        new_id: Callable[[str], str],
        new_call_id: Callable[[], str],
        now: Callable[[], int],
        seal: Seal,
    ) -> None:
        """Take the request and what the answer is known by.

        ``new_id`` makes an item's id from its prefix, ``now`` tells Unix seconds, ``seal`` encrypts what only
        the gateway may read.
        """
        self._base = response_base(body, response_id=response_id, created_at=created_at, alias=alias)
        self._tools = tools
        self._new_id = new_id
        self._new_call_id = new_call_id
        self._now = now
        include = body.get("include") or []
        self._seal = seal if "reasoning.encrypted_content" in include else None
        self._with_logprobs = "message.output_text.logprobs" in include
        self._as_summary = self._base["reasoning"]["summary"] is not None
        self._writer = EventWriter()
        self._has_begun = False
        self._final: dict[str, Any] | None = None
        self.restart()

    def restart(self) -> None:
        """Forget what a failed attempt said; the events that have left stay counted."""
        self._items: list[OpenItem] = []
        self._reasoning: OpenReasoning | None = None
        self._message: OpenMessage | None = None
        self._templates = Templates()
        self._calls = Calls(self._new_call_id)
        self._held: list[str] = []  # whitespace that may turn out to stand before nothing
        self._held_logprobs: list[dict[str, Any]] = []
        self._reason: str | None = None
        self._usage: dict[str, Any] | None = None
        self._tokens: Tokens | None = None
        self._trouble: GatewayError | None = None
        self.call_extras: dict[str, object] = {}
        """Call id -> what the upstream wants back with that call; never shown to a client."""
        self.has_output = False
        self.is_done = False
        self.output_bytes = 0

    @property
    def has_finished(self) -> bool:
        """Whether the upstream has told how its answer ended."""
        return self._reason is not None

    def feed(self, events: list[bytes]) -> bytes:
        """Return the client's events for the data of some upstream events; empty when there are none to send.

        Raises:
            GatewayError: the upstream reports an error or sends something that is no chunk. After output it
                is raised by ``finish`` instead, so that what came before it is not lost.
        """
        out: list[bytes] = []
        had_output, had_begun, mark = self.has_output, self._has_begun, self._writer.mark()
        place = 0
        try:
            while place < len(events) and not self.is_done and self._final is None:
                known = self._templates.find(events, place)
                if known is not None:
                    insides, add = known
                    out.append(add(insides))
                    self.output_bytes += sum(map(len, insides))
                    place += len(insides)
                    continue
                data = events[place]
                place += 1
                if data == b"[DONE]":
                    self.is_done = True
                else:
                    self._chunk(data, out)
        except GatewayError as error:
            if not had_output:  # nothing of this attempt has left, and nothing will
                self._writer.undo(mark)
                self._has_begun = had_begun
                self.restart()
                raise
            self._trouble, self.is_done = error, True
        return b"".join(out)

    def finish(self) -> bytes:
        """Return the stream's last events, after the upstream's end; nothing if it has ended already.

        Raises:
            UpstreamIncomplete: the upstream just stopped.
            UpstreamError: it ended with neither output nor a finish reason.
            GatewayError: the error that ``feed`` kept.
        """
        if self._final is not None:
            return b""
        if self._trouble is not None:
            raise self._trouble
        if self._reason is None:
            if not self._items and not self._calls.all:
                raise UpstreamError(detail="the stream ended with neither output nor a finish reason")
            if not self.is_done:
                raise UpstreamIncomplete(detail="the stream ended without a finish reason")
        out = [self._begin()]
        out += [self._start_call(call) for call in self._calls.all if call.opened is None]  # their names never came
        incomplete = _INCOMPLETE.get(self._reason or "stop")
        status = "completed" if incomplete is None else "incomplete"
        out += [item.close(status) for item in self._items if item.finished is None]
        self._final = ended_response(
            self._base,
            status,
            self.output_items(),
            usage=self._usage,
            completed_at=self._now() if incomplete is None else None,
            incomplete=incomplete,
        )
        out.append(self._writer.event(f"response.{status}", response=self._final))
        return b"".join(out) + DONE

    def fail(self, error: GatewayError) -> bytes:
        """Return the events that end a stream with an error; nothing if it has ended already."""
        if self._final is not None:
            return b""
        code = error.code if error.code in TOLD_CODES else "server_error"
        told = {"code": code, "message": error.message, "param": error.param}
        out = self._begin() + self._writer.event("error", **told, error={"type": error.type, **told})
        self._final = ended_response(
            self._base,
            "failed",
            self.output_items(),
            usage=self._usage,
            error={"code": code, "message": error.message},
        )
        return out + self._writer.event("response.failed", response=self._final) + DONE

    def stop(self) -> bytes:
        """Return the events that end a stream which is cancelled; nothing if it has ended already.

        The terminal event is ``response.incomplete``: none of the events that clients know is named after a
        cancellation. The object inside says ``cancelled``.
        """
        if self._final is not None:
            return b""
        self._final = self.final_object()
        return self._begin() + self._writer.event("response.incomplete", response=self._final) + DONE

    def keep_alive(self) -> bytes:
        """Return an event that bridges a silence: comments do not reset the idle timers of agents."""
        if self._final is not None:
            return b""
        return self._begin() + self._writer.event("keepalive")

    def tokens(self) -> Tokens | None:
        """Return the upstream's token counts, else those of ``set_estimate``; None without either."""
        return self._tokens

    def set_estimate(self, estimate: Tokens) -> None:
        """Take counts for an answer whose upstream told none; called before ``finish``."""
        if self._usage is None:
            self._usage, self._tokens = usage_of(estimate), estimate

    def whole(self, told: object, *, estimate: Callable[[int], Tokens]) -> dict[str, Any]:
        """Return the response object for a whole chat completion.

        ``estimate`` makes token counts of the length of the output in bytes, where the upstream told none.

        Raises:
            GatewayError: it is no chat completion, or one without a choice.
        """
        trouble = error_in_chunk(told, param="input")
        if trouble is not None:
            raise trouble
        assert isinstance(told, dict)  # noqa: S101  (anything else is trouble)
        choices = told.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(message, dict):
            raise UpstreamError(detail=f"an answer without a message: {shape_of(told)}")
        self.restart()  # of an answer that was of no use nothing may stay
        self._writer = SilentWriter()
        self._note_usage(told.get("usage"))
        calls = message.get("tool_calls")
        numbered = [
            {**call, "index": place}
            for place, call in enumerate(calls if isinstance(calls, list) else [])
            if isinstance(call, dict)
        ]
        self._delta({**message, "tool_calls": numbered}, choice.get("logprobs"), [])
        self._reason = self._mapped(choice.get("finish_reason") or "stop")
        if self._usage is None:
            self.set_estimate(estimate(self.output_bytes))
        self.finish()
        return self.final_object()

    def output_items(self) -> list[dict[str, Any]]:
        """Return the output so far: finished items whole, the others as they stand."""
        return [item.finished or item.item("incomplete") for item in self._items]

    def final_object(self) -> dict[str, Any]:
        """Return the response as its last event tells it; before that, as a client that left would have it."""
        if self._final is not None:
            return self._final
        return ended_response(self._base, "cancelled", self.output_items(), usage=self._usage)

    # -- one chunk

    def _chunk(self, data: bytes, out: list[bytes]) -> None:
        """Read one chunk; what it says is in ``out`` also when it ends in trouble."""
        try:
            chunk = read_json(data)
        except orjson.JSONDecodeError as error:
            raise UpstreamError(detail=f"a chunk that is not JSON, {len(data)} bytes") from error
        trouble = error_in_chunk(chunk, param="input")
        if trouble is not None:
            raise trouble
        self._note_usage(chunk.get("usage"))
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else []:
            # One response is one answer: further choices, which nobody asked for, are left out.
            if not isinstance(choice, dict) or choice.get("index") not in (0, None):
                continue
            items_before = len(self._items)
            delta = choice.get("delta")
            if isinstance(delta, dict) and self._reason is None:
                self._delta(delta, choice.get("logprobs"), out)
            reason = choice.get("finish_reason")
            if reason and self._reason is None:
                self._reason = self._mapped(reason)
            if len(self._items) > items_before or self._reason is not None:
                self._templates.clear()
            elif len(choices) == 1 and isinstance(delta, dict) and not chunk.get("usage"):
                self._learn(data, chunk, delta)

    def _learn(self, data: bytes, chunk: dict[str, Any], delta: dict[str, Any]) -> None:
        """Remember a chunk that has added to one open text and to nothing else."""
        told = [key for key, value in delta.items() if value and key != "role"]
        if len(told) != 1 or self._with_logprobs:
            return
        [key] = told
        text = delta[key]
        if key == "content" and isinstance(text, str) and self._message is not None and self._message.takes_text:
            self._templates.learn(data, chunk, delta, key, self._message.more_text)
        elif key in ("reasoning_content", "reasoning") and isinstance(text, str) and self._reasoning is not None:
            self._templates.learn(data, chunk, delta, key, self._reasoning.add)
        elif key == "tool_calls" and isinstance(text, list) and len(text) == 1:
            body = text[0].get("function") if isinstance(text[0], dict) else None
            if isinstance(body, dict) and body.get("arguments") and isinstance(body["arguments"], str):
                opened = self._calls.latest.opened if self._calls.latest is not None else None
                takes = opened.takes if opened is not None else None
                if takes is not None and isinstance(text[0].get("index"), int):  # else it may be another call
                    self._templates.learn(data, chunk, body, "arguments", takes)

    def _mapped(self, reason: object) -> str:
        return finish_reason(reason, has_calls=bool(self._calls.all))

    def _note_usage(self, told: object) -> None:
        found = usage_from_chat(told) if told else None
        if found is not None:
            self._usage, self._tokens = found

    def _delta(self, delta: dict[str, Any], logprobs: object, out: list[bytes]) -> None:
        reasoning, details = reasoning_of(delta), delta.get("reasoning_details")
        details = details if self._seal is not None and isinstance(details, list) else []
        if reasoning or details:
            out.append(self._add_reasoning(reasoning, details))
        content = content_of(delta)
        if content:
            out.append(self._add_text(content, probabilities(logprobs) if self._with_logprobs else []))
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            self._templates.clear()  # the text that they lead to may end here
            message, opening = self._open_message()
            out.append(opening + message.refusal(self._inside(refusal)))
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else []:
            if isinstance(call, dict):
                out.append(self._add_call(call))

    def _add_reasoning(self, text: str, details: list[Any]) -> bytes:
        if not text and self._reasoning is None and self._items:
            return b""  # signatures alone, too late for an item of their own
        out = b""
        if self._reasoning is None:
            out = self._make_room()
            self._reasoning = OpenReasoning(
                self._writer, self._new_id("rs_"), len(self._items), as_summary=self._as_summary, seal=self._seal
            )
            self._items.append(self._reasoning)
            out += self._reasoning.start()
        self._reasoning.keep(details)
        return out + (self._reasoning.add([self._inside(text)]) if text else b"")

    def _add_text(self, text: str, logprobs: list[dict[str, Any]]) -> bytes:
        if self._message is None:
            self._held.append(text)
            self._held_logprobs += logprobs
            if text.isspace():
                return b""
            text, logprobs = "".join(self._held), self._held_logprobs
            self._held, self._held_logprobs = [], []
        message, opening = self._open_message()
        return opening + message.text(self._inside(text), logprobs)

    def _open_message(self) -> tuple[OpenMessage, bytes]:
        if self._message is not None:
            return self._message, b""
        out = self._make_room()
        message = self._message = OpenMessage(self._writer, self._new_id("msg_"), len(self._items))
        self._items.append(message)
        return message, out + message.start()

    def _add_call(self, told: dict[str, Any]) -> bytes:
        body, piece = body_of(told)
        call = self._calls.find(told, body, piece)
        if told.get("extra_content") is not None:
            self.call_extras[call.call_id] = told["extra_content"]
        self.output_bytes += len(piece)
        if call.opened is None:
            call.held.append(piece)
            return self._start_call(call) if call.name else b""
        # A call is closed early only when it is whole: what comes then is a space or a slip.
        return b"" if call.opened.finished is not None else call.opened.add(piece)

    def _start_call(self, call: Call) -> bytes:
        self._held, self._held_logprobs = [], []
        out = self._make_room()
        tool = self._tools.called(call.name)
        kind = OpenBridgedCall if tool.kind in BRIDGED_KINDS else OpenCall
        opened = call.opened = kind(
            self._writer, self._new_id(_CALL_PREFIXES[tool.kind]), len(self._items), call_id=call.call_id, tool=tool
        )
        self._items.append(opened)
        self.output_bytes += len(call.name)
        held, call.held = call.held, []
        return out + opened.start() + b"".join(map(opened.add, held))

    def _make_room(self) -> bytes:
        """Begin, and close what an item that is about to open comes after: agents start to work on it early."""
        out = self._begin()
        self.has_output = True
        for item in (self._reasoning, self._message):
            if item is not None:
                out += item.close("completed")
        self._reasoning = self._message = None
        for call in self._calls.all:
            if call.opened is not None and call.opened.finished is None and call.opened.is_whole:
                out += call.opened.close("completed")
        return out

    def _begin(self) -> bytes:
        if self._has_begun:
            return b""
        self._has_begun = True
        return self._writer.event("response.created", response=self._base) + self._writer.event(
            "response.in_progress", response=self._base
        )

    def _inside(self, text: str) -> bytes:
        inside = inside_of(text)
        self.output_bytes += len(inside)
        return inside
