"""Chat chunks as the chunks of classic completions: same object in every chunk, no roles. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from msgspec import Struct

from .. import sse
from ..errors import GatewayError, UpstreamError, UpstreamIncomplete
from .chat_answer import Tokens, content_of, finish_reason, listed, logprobs, tokens, usage
from .chat_over_responses import ChatOverResponses
from .chunk_templates import ChunkTemplates, text_size
from .completions_fence import FenceStripper
from .completions_logprobs import LogprobArrays
from .completions_merged import CallStream, MergedStreams
from .completions_over_chat import CompletionPlan, PlannedCall, completion_finish
from .upstream_errors import error_in_chunk


class _Choice(Struct):
    """One choice; ``echo`` still has to be said."""

    index: int
    echo: str
    probabilities: LogprobArrays
    fence: FenceStripper | None
    finish: str | None = None


class CompletionStream:
    """Turns the chat chunks of one planned call into completion chunks (``CallStream``)."""

    def __init__(self, call: PlannedCall, skeleton: dict[str, Any], *, strips_fence: bool, include_usage: bool) -> None:
        """Take the place of the call's choices, and the keys that all chunks of the answer share."""
        self._call = call
        self._skeleton = skeleton
        self._strips_fence = strips_fence
        self._include_usage = include_usage
        self.restart()

    def restart(self) -> None:
        """Forget what a failed attempt said; only called before the call's first output."""
        self._choices: dict[int, _Choice] = {}
        self._templates = ChunkTemplates()
        self._beginning = b""  # what may only leave with the first output
        self._trouble: GatewayError | None = None
        self._usage: dict[str, Any] | None = None
        self.has_output = False
        self.is_done = False
        self.output_bytes = 0

    @property
    def has_finished(self) -> bool:
        """Tell whether every choice that was asked for has told how it ended."""
        return len(self._choices) >= self._call.n and all(choice.finish for choice in self._choices.values())

    @property
    def usage(self) -> dict[str, Any] | None:
        """The counts as the client may see them."""
        return self._usage

    def tokens(self) -> Tokens | None:
        """Return the upstream's token counts, if it told any."""
        return tokens(self._usage)

    def feed(self, events: list[bytes]) -> bytes:
        """Return the client's bytes for the data of some chat chunks; nothing before the first output.

        Raises:
            GatewayError: the upstream reports an error or sends something that is no chunk. After output it
                is raised by ``end_call`` instead, so that what came before it is not lost.
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

    def end_call(self) -> bytes:
        """Return the chunks that end choices without an end of their own.

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
        return bytes(out)

    def _parsed(self, data: bytes, out: bytearray) -> None:
        """Read one chunk; what it says is in ``out`` also when it ends in trouble."""
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise UpstreamError(detail=f"a chunk that is not JSON, {len(data)} bytes") from error
        trouble = error_in_chunk(chunk, param="prompt")
        if trouble is not None:
            raise trouble
        told_usage = usage(chunk.get("usage"))
        if told_usage is not None:
            self._usage = told_usage
        choices = [told for told in listed(chunk.get("choices")) if isinstance(told, dict)]
        for told in choices:
            index = told.get("index")
            index = index if isinstance(index, int) and not isinstance(index, bool) else 0
            if index >= self._call.n:
                continue  # more than was asked for
            choice = self._choices.get(index) or self._add(index)
            if choice.finish is not None:
                continue
            delta, reason = told.get("delta"), told.get("finish_reason")
            delta = delta if isinstance(delta, dict) else {}
            refusal = delta.get("refusal") if isinstance(delta.get("refusal"), str) else ""
            text = (content_of(delta) or "") + str(refusal)
            arrays = choice.probabilities.convert(logprobs(told.get("logprobs")))
            out += self._say(choice, text, arrays)
            if reason:
                out += self._finish(choice, reason)
            elif text and arrays is None and choice.fence is None and len(choices) == 1 and told_usage is None:
                self._templates.learn(data, chunk, text, self._renderer(choice))

    def _add(self, index: int) -> _Choice:
        echo = self._call.echo
        fence = FenceStripper() if self._strips_fence else None
        choice = _Choice(self._call.first_index + index, echo, LogprobArrays(len(echo)), fence)
        self._choices[index] = choice
        return choice

    def _say(self, choice: _Choice, text: str, arrays: dict[str, Any] | None) -> bytes:
        if choice.fence is not None:
            text = choice.fence.feed(text)
        if not text and arrays is None:
            return b""
        self.has_output = True
        self.output_bytes += text_size(text)
        return self._echo(choice) + self._chunk(choice, text, arrays)

    def _renderer(self, choice: _Choice) -> Callable[[str], bytes]:
        return lambda text: self._chunk(choice, text, None)

    def _finish(self, choice: _Choice, told: object) -> bytes:
        self._templates.forget()
        reason = completion_finish(finish_reason(told, has_calls=False))
        held = choice.fence.finish() if choice.fence is not None else ""
        out = self._echo(choice)
        if held:
            self.has_output = True
            self.output_bytes += text_size(held)
            out += self._chunk(choice, held, None)
        choice.finish = reason
        return out + self._chunk(choice, "", None, finish=reason)

    def _echo(self, choice: _Choice) -> bytes:
        echo, choice.echo = choice.echo, ""
        return self._chunk(choice, echo, None) if echo else b""

    def _chunk(self, choice: _Choice, text: str, arrays: dict[str, Any] | None, *, finish: str | None = None) -> bytes:
        shown = {"text": text, "index": choice.index, "logprobs": arrays, "finish_reason": finish}
        chunk = {**self._skeleton, "choices": [shown]}
        if self._include_usage:
            chunk["usage"] = None
        return sse.encode(orjson.dumps(chunk))


class CompletionOverResponses:
    """A planned call on a Responses upstream: its events become chat chunks, and these completion chunks."""

    def __init__(self, chat: ChatOverResponses, completion: CompletionStream) -> None:
        """``chat`` has to be made with ``include_usage``."""
        self._chat = chat
        self._completion = completion
        self.has_output = False
        self.is_done = False
        self.output_bytes = 0

    @property
    def has_finished(self) -> bool:
        """The upstream has told how its answer ended."""
        return self._chat.has_finished

    @property
    def usage(self) -> dict[str, Any] | None:
        """The counts as the client may see them."""
        return self._chat.usage

    def tokens(self) -> Tokens | None:
        """Return the upstream's token counts, if it told any."""
        return self._chat.tokens()

    def restart(self) -> None:
        """Forget what a failed attempt said."""
        self._chat.restart()
        self._completion.restart()
        self._take_over()

    def feed(self, events: list[bytes]) -> bytes:
        """Return the client's bytes for the data of some upstream events; raises like ``ChatOverResponses``."""
        out = self._completion.feed(sse.EventSplitter().feed(self._chat.feed(events)))
        self._take_over()
        return out

    def end_call(self) -> bytes:
        """Return the last bytes of the call; raises like ``ChatOverResponses.finish``."""
        out = self._completion.feed(sse.EventSplitter().feed(self._chat.finish()))
        return out + self._completion.end_call()

    def _take_over(self) -> None:
        self.has_output, self.output_bytes = self._completion.has_output, self._completion.output_bytes
        self.is_done = self._chat.is_done


class MergedCompletions(MergedStreams):
    """The stream that answers a completion request, over all of its planned calls."""

    def __init__(
        self,
        plan: CompletionPlan,
        *,
        alias: str,
        answer_id: str,
        created: int,
        include_usage: bool,
        chat_streams: Sequence[ChatOverResponses] | None = None,
    ) -> None:
        """``chat_streams`` hold one for each call, made with ``include_usage``, where the upstream speaks Responses."""
        skeleton = {"id": answer_id, "object": "text_completion", "created": created, "model": alias}
        streams = [
            CompletionStream(call, skeleton, strips_fence=plan.strips_fence, include_usage=include_usage)
            for call in plan.calls
        ]
        calls: list[CallStream] = list(streams)
        if chat_streams is not None:
            calls = [CompletionOverResponses(chat, stream) for chat, stream in zip(chat_streams, streams, strict=True)]
        super().__init__(calls, skeleton, include_usage=include_usage)
