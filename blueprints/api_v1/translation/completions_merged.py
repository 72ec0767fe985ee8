"""One client stream made of several upstream calls, one after the other. Pure.

A request with a list of prompts, or with an ``n`` that the upstream does not know, needs a call for each.
Every call has a stream of its own for its choices; usage and ``[DONE]`` come once, at the end of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import orjson

from .. import sse
from ..errors import GatewayError
from .chat_answer import Tokens


class CallStream(Protocol):
    """The part of a stream that one upstream call gives: like ``StreamTranslator``, but for the common end."""

    has_output: bool
    is_done: bool
    output_bytes: int

    @property
    def has_finished(self) -> bool:
        """The upstream has told how each choice of this call ended."""

    @property
    def usage(self) -> dict[str, Any] | None:
        """The counts of this call as the client may see them; None while they are not known."""

    def restart(self) -> None:
        """Forget what a failed attempt said; only called before this call's first output."""

    def feed(self, events: list[bytes]) -> bytes:
        """Return the client's bytes for the data of some upstream events."""

    def end_call(self) -> bytes:
        """Return the last bytes of this call's choices; raises like ``StreamTranslator.finish``."""

    def tokens(self) -> Tokens | None:
        """Return the upstream's token counts, if it told any."""


class MergedStreams:
    """Gives out the streams of several calls as one (``StreamTranslator``).

    The relay feeds it the events of the first call; between two calls it asks for ``end_call``, after the
    last one for ``finish``. With a single call it is used like any other translator.
    """

    def __init__(self, calls: Sequence[CallStream], skeleton: dict[str, Any], *, include_usage: bool) -> None:
        """Take one stream for each call, and the keys that all chunks of the answer share."""
        self._calls = calls
        self._skeleton = skeleton
        self._include_usage = include_usage
        self._current = 0
        self._estimate: Tokens | None = None
        self.has_output = False
        self.is_done = False
        self.output_bytes = 0

    @property
    def calls_left(self) -> int:
        """How many calls have to be made after the running one."""
        return len(self._calls) - 1 - self._current

    @property
    def call_has_finished(self) -> bool:
        """The upstream has told how the running call ended."""
        return self._calls[self._current].has_finished

    @property
    def has_finished(self) -> bool:
        """The upstream has told how the last call ended."""
        return self.calls_left == 0 and self.call_has_finished

    def restart(self) -> None:
        """Forget what a failed attempt at the running call said; only called before that call's first output."""
        self._calls[self._current].restart()
        self._take_over()

    def feed(self, events: list[bytes]) -> bytes:
        """Return the client's bytes for some events of the running call; raises like ``StreamTranslator.feed``."""
        out = self._calls[self._current].feed(events)
        self._take_over()
        return out

    def end_call(self) -> bytes:
        """Return the last bytes of the running call; the events that follow belong to the next one.

        Raises:
            GatewayError: as ``StreamTranslator.finish``.
        """
        out = self._calls[self._current].end_call()
        self._current += 1
        self._take_over()
        self.has_output = self.has_output or bool(out)
        return out

    def finish(self) -> bytes:
        """Return the last bytes of the last call, the usage if it was asked for, and ``[DONE]``.

        Raises:
            GatewayError: as ``StreamTranslator.finish``.
        """
        out = self._calls[self._current].end_call()
        if self._include_usage:
            chunk = {**self._skeleton, "choices": [], "usage": self._usage()}
            out += sse.encode(orjson.dumps(chunk))
        return out + sse.DONE

    def fail(self, error: GatewayError) -> bytes:
        """Return the bytes that end a stream whose header has left with an error."""
        return sse.encode(orjson.dumps(error.body())) + sse.DONE

    def keep_alive(self) -> bytes:
        """Return a comment: clients of this dialect read over it."""
        return sse.KEEP_ALIVE

    def tokens(self) -> Tokens | None:
        """Return the sum of the calls' counts; None when one that has been made told none."""
        told = [call.tokens() for call in self._calls[: self._current + 1]]
        known = [tokens for tokens in told if tokens is not None]
        if len(known) < len(told):
            return None
        return Tokens(
            prompt=sum(tokens.prompt for tokens in known),
            completion=sum(tokens.completion for tokens in known),
            cached=sum(tokens.cached for tokens in known),
            reasoning=sum(tokens.reasoning for tokens in known),
        )

    def set_estimate(self, estimate: Tokens) -> None:
        """Take counts for all calls together where the upstream told none."""
        self._estimate = estimate

    def _usage(self) -> dict[str, Any] | None:
        estimate = self._estimate
        if estimate is None:
            return summed_usage([call.usage for call in self._calls])
        total = estimate.prompt + estimate.completion
        return {"prompt_tokens": estimate.prompt, "completion_tokens": estimate.completion, "total_tokens": total}

    def _take_over(self) -> None:
        self.has_output = any(call.has_output for call in self._calls)
        self.is_done = self._calls[self._current].is_done
        self.output_bytes = sum(call.output_bytes for call in self._calls)


def summed_usage(told: Sequence[dict[str, Any] | None]) -> dict[str, Any] | None:
    """Return the sum of usage objects, key by key; None when one of them is missing."""
    summed: dict[str, Any] = {}
    for usage in told:
        if usage is None:
            return None
        for name, value in usage.items():
            if isinstance(value, dict):
                inner = summed.setdefault(name, {})
                for key, count in value.items():
                    inner[key] = inner.get(key, 0) + count
            else:
                summed[name] = summed.get(name, 0) + value
    return summed or None
