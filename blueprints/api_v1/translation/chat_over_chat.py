"""A Chat Completions stream from an upstream, as the client may see it.

Every chunk is parsed and rebuilt from the allowed keys, but for those that ``ChunkTemplates`` knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from msgspec import Struct, field

from .. import sse
from ..errors import GatewayError, UpstreamError, UpstreamIncomplete
from .chat_answer import (
    Tokens,
    arguments_text,
    content_of,
    extras,
    finish_reason,
    listed,
    logprobs,
    reasoning_of,
    tokens,
    usage,
)
from .chunk_templates import ChunkTemplates, text_size
from .streamed_calls import StreamedCall, StreamedCalls
from .upstream_errors import error_in_chunk

Render = Callable[[str], bytes]


class _Choice(Struct):
    """One choice of the stream."""

    index: int
    calls: StreamedCalls
    finish: str | None = None


class _Sent(Struct):
    """What one upstream chunk has become: the bytes, and each text among them with how to say another."""

    out: bytearray
    texts: list[tuple[str, Render]] = field(default_factory=list)

    def text(self, text: str, render: Render) -> None:
        self.out += render(text)
        self.texts.append((text, render))


class ChatOverChat:
    """Turns the upstream's chunks into the client's, one stream long. Pure but for its own state."""

    def __init__(
        self,
        *,
        alias: str,
        answer_id: str,
        created: int,
        include_usage: bool,
        new_call_id: Callable[[], str],
        n: int = 1,
    ) -> None:
        """Take what the answer is known by; ``new_call_id`` makes the ids that tool calls are handed out with.

        ``n`` is the number of choices that the request asks for.
        """
        self._skeleton = {"id": answer_id, "object": "chat.completion.chunk", "created": created, "model": alias}
        self._include_usage = include_usage
        self._new_call_id = new_call_id
        self._n = n
        self.restart()

    def restart(self) -> None:
        """Forget what a failed attempt said; only called before the first output."""
        self._choices: dict[int, _Choice] = {}
        self._templates = ChunkTemplates()
        self._beginning = b""  # what may only leave with the first output
        self._trouble: GatewayError | None = None
        self._usage: dict[str, Any] | None = None
        self.has_output = False
        self.is_done = False
        self.output_bytes = 0

    def feed(self, events: list[bytes]) -> bytes:
        """Return the client's bytes for the data of some upstream events; nothing before the first output.

        Raises:
            GatewayError: the upstream reports an error or sends something that is no chunk. After output it
                is raised by ``finish`` instead, so that what came before it is not lost.
        """
        had_output = self.has_output
        out = bytearray()
        place = 0
        while place < len(events) and not self.is_done:
            known, shown, size = self._templates.fill(events, place)
            if known:
                out += shown
                self.output_bytes += size
                place += known
                continue
            data = events[place]
            place += 1
            if data == b"[DONE]":
                self.is_done = True
                break
            try:
                self._parsed(data, out)
            except GatewayError as error:
                if not had_output:
                    raise
                self._trouble, self.is_done = error, True
        if not self.has_output:
            self._beginning += out
            return b""
        beginning, self._beginning = self._beginning, b""
        return beginning + out

    @property
    def has_finished(self) -> bool:
        """Tell whether every choice has told how it ended: those asked for, and others that have begun."""
        return len(self._choices) >= self._n and all(choice.finish for choice in self._choices.values())

    def finish(self) -> bytes:
        """Return the stream's last bytes, after the upstream's end.

        Raises:
            UpstreamIncomplete: the upstream just stopped.
            UpstreamError: it ended with neither output nor a finish reason, or reported an error.
        """
        if self._trouble is not None:
            raise self._trouble
        if not self.has_finished:
            if not self.has_output:
                raise UpstreamError(detail="the stream ended with neither output nor a finish reason")
            if not self.is_done:
                raise UpstreamIncomplete(detail="the stream ended without a finish reason")
        out = bytearray(self._beginning)
        for choice in self._choices.values():
            if choice.finish is None:
                out += self._finish(choice, "stop")
        if self._include_usage:
            out += self._chunk([], usage=self._usage)
        return bytes(out) + sse.DONE

    def fail(self, error: GatewayError) -> bytes:
        """Return the bytes that end a stream whose header has left with an error."""
        return sse.encode(orjson.dumps(error.body())) + sse.DONE

    def keep_alive(self) -> bytes:
        """Return a comment: clients of this dialect read over it."""
        return sse.KEEP_ALIVE

    def tokens(self) -> Tokens | None:
        """Return the upstream's token counts, if it told any."""
        return tokens(self._usage)

    def set_estimate(self, estimate: Tokens) -> None:
        """Take counts for an answer whose upstream told none; called before ``finish``."""
        self._usage = {
            "prompt_tokens": estimate.prompt,
            "completion_tokens": estimate.completion,
            "total_tokens": estimate.prompt + estimate.completion,
        }

    def _parsed(self, data: bytes, out: bytearray) -> None:
        """Read one chunk; what it says is in ``out`` also when it ends in trouble."""
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise UpstreamError(detail=f"a chunk that is not JSON, {len(data)} bytes") from error
        trouble = error_in_chunk(chunk, param="messages")
        if trouble is not None:
            raise trouble
        told_usage = usage(chunk.get("usage"))
        if told_usage is not None:
            self._usage = told_usage
        choices = [told for told in listed(chunk.get("choices")) if isinstance(told, dict)]
        for told in choices:
            sent = self._choice(told, _Sent(out))
            if len(choices) == 1 and len(sent.texts) == 1 and told_usage is None:
                self._templates.learn(data, chunk, *sent.texts[0])

    def _choice(self, told: dict[str, Any], sent: _Sent) -> _Sent:
        index = told.get("index")
        index = index if isinstance(index, int) and not isinstance(index, bool) else 0
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice(index, StreamedCalls(self._new_call_id))
            sent.out += self._delta(choice, {"role": "assistant", "content": ""})
        if choice.finish is not None:  # what comes after the end is not part of the answer
            return sent
        delta = told.get("delta")
        if isinstance(delta, dict):
            self._say(choice, delta, logprobs(told.get("logprobs")), sent)
        reason = told.get("finish_reason")
        if reason:
            sent.out += self._finish(choice, reason)
            sent.texts.clear()  # nothing to learn from: it will not come again
        return sent

    def _say(self, choice: _Choice, delta: dict[str, Any], probabilities: dict[str, Any] | None, sent: _Sent) -> None:
        """Render one delta; text, reasoning and calls never share one of ours."""
        reasoning = reasoning_of(delta)
        if reasoning:
            sent.text(reasoning, lambda text: self._delta(choice, {"reasoning_content": text}))
        content = content_of(delta) or ""
        refusal = delta.get("refusal") if isinstance(delta.get("refusal"), str) else ""
        if probabilities is not None and any(probabilities.values()):
            said = {"content": content, **({"refusal": refusal} if refusal else {})}
            sent.out += self._delta(choice, said, logprobs=probabilities)
            self._count(content + str(refusal))
        else:
            if content:
                sent.text(content, lambda text: self._delta(choice, {"content": text}))
            if refusal:
                sent.out += self._delta(choice, {"refusal": refusal})
                self._count(str(refusal))
        rare = extras(delta)
        if rare:
            sent.out += self._delta(choice, rare)
            self._count("")
        for text, _ in sent.texts:
            self._count(text)
        for call in listed(delta.get("tool_calls")):
            if isinstance(call, dict):
                self._say_call(choice, call, sent)

    def _say_call(self, choice: _Choice, told: dict[str, Any], sent: _Sent) -> None:
        call, is_new = choice.calls.call_of(told)
        if is_new:
            self._templates.forget()  # a delta without an index belonged to the call before
        body = told.get(call.kind)
        body = body if isinstance(body, dict) else {}
        text = arguments_text(body.get(call.text_key))
        name = body.get("name")
        if not call.name and isinstance(name, str):
            call.name = name
        if call.started:
            if text:
                sent.text(text, lambda piece: self._delta(choice, {"tool_calls": [call.fragment(piece)]}))
                self._count(text)
            return
        # Clients fail on a first delta without a name: nothing of the call leaves before it is known.
        call.held += text
        if call.name:
            sent.out += self._start(choice, call)

    def _start(self, choice: _Choice, call: StreamedCall) -> bytes:
        out = self._delta(choice, {"tool_calls": [call.start()]})
        held, call.held = call.held, ""
        self._count(call.name + held)
        if held:
            out += self._delta(choice, {"tool_calls": [call.fragment(held)]})
        return out

    def _finish(self, choice: _Choice, told: object) -> bytes:
        self._templates.forget()
        reason = finish_reason(told, has_calls=bool(choice.calls.all))
        out = b""
        for call in choice.calls.all:
            if not call.started:  # its name never came; the client shall see what there is of it
                out += self._start(choice, call)
        choice.finish = reason
        return out + self._delta(choice, {}, finish=reason)

    def _count(self, text: str) -> None:
        self.has_output = True
        self.output_bytes += text_size(text)

    def _delta(
        self,
        choice: _Choice,
        delta: dict[str, Any],
        *,
        finish: str | None = None,
        logprobs: dict[str, Any] | None = None,
    ) -> bytes:
        shown: dict[str, Any] = {"index": choice.index, "delta": delta}
        if logprobs is not None:
            shown["logprobs"] = logprobs
        shown["finish_reason"] = finish
        return self._chunk([shown])

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        chunk = {**self._skeleton, "choices": choices}
        if self._include_usage:
            chunk["usage"] = None
        return sse.encode(orjson.dumps({**chunk, **more}))
