"""Compaction: a conversation becomes one item that holds its summary, sealed for the gateway alone. Pure.

The model is asked for the summary as for any answer; what comes is not shown to the client but sealed, so a
stream has one item, which begins with the upstream's first output and is done with its last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .. import sse
from ..errors import GatewayError, UpstreamError
from .chat_answer import Tokens
from .native_errors import shown_error
from .responses_events import EventWriter
from .responses_object import ended_response
from .stream_translator import StreamTranslator

SUMMARY_WISH = (
    "The conversation so far is about to be replaced by a summary, and you will go on from that summary alone. "
    "Write it now. Keep what is needed to go on without asking again: what the user wants and has decided, rules "
    "and preferences that were given, what has been done and found out (names of files and functions, commands, "
    "figures, exact wording where it matters), what failed and why, and what is left to do, in order. "
    "Leave out pleasantries and whatever is settled and of no more use. Call no tools. "
    "Answer with the summary alone."
)
SUMMARY_HEAD = "Summary of the conversation so far:\n\n"

# What shapes an answer for a program or hands out more than text; a summary is plain text.
_NOT_FOR_SUMMARIES = ("include", "top_logprobs", "max_tool_calls", "store", "metadata")


def asks_compaction(body: dict[str, Any]) -> bool:
    """Tell whether a request's last input item asks to compact what is before it."""
    items = body.get("input")
    last = items[-1] if isinstance(items, list) and items else None
    return isinstance(last, dict) and last.get("type") == "compaction_trigger"


def summary_request(body: dict[str, Any]) -> dict[str, Any]:
    """Return the request that makes a model summarise a conversation.

    Its tools stay in place, uncallable: upstreams refuse old calls without them, and keep the prompt's cache.
    """
    told = body.get("input")
    if isinstance(told, str):
        told = [{"type": "message", "role": "user", "content": told}]
    request = {name: value for name, value in body.items() if name not in _NOT_FOR_SUMMARIES}
    wish = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": SUMMARY_WISH}]}
    request["input"] = [*(told or []), wish]
    text = body.get("text")
    if isinstance(text, dict):
        request["text"] = {name: value for name, value in text.items() if name != "format"}
    request["tool_choice"] = "none"
    return request


def summary_in(response: dict[str, Any]) -> str:
    """Return the text of a model's answer.

    Raises:
        UpstreamError: there is none.
    """
    parts = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    text = "\n\n".join(part["text"] for part in parts if part["type"] == "output_text" and part["text"].strip())
    if not text:
        raise UpstreamError(detail="no summary but " + ", ".join(item["type"] for item in response["output"]))
    return SUMMARY_HEAD + text


def compaction_item(item_id: str, sealed: str) -> dict[str, Any]:
    """Return the item that stands for a conversation."""
    return {"id": item_id, "type": "compaction", "encrypted_content": sealed}


class AnswerStream(StreamTranslator, Protocol):
    """A translation of a stream that can tell the whole response."""

    def final_object(self) -> dict[str, Any]:
        """Return the response object."""


class CompactionStream:
    """Turns the stream of a summary into a stream of one compaction item (``StreamTranslator``)."""

    def __init__(
        self,
        inner: AnswerStream,
        base: dict[str, Any],
        *,
        item_id: str,
        seal: Callable[[str], str],
        now: Callable[[], int],
        on_failure: Callable[[dict[str, Any]], object],
    ) -> None:
        """``inner`` understands the upstream; ``base`` is the response as it begins; ``seal`` closes a summary.

        ``on_failure`` is given the failed response object before the events that tell of it leave.
        """
        self._inner = inner
        self._base = base
        self._item_id = item_id
        self._seal = seal
        self._now = now
        self._on_failure = on_failure
        self._writer = EventWriter()
        self._has_begun = False
        self._final: dict[str, Any] | None = None
        self.has_output = False

    @property
    def is_done(self) -> bool:
        """Whether the upstream has said that nothing more will come."""
        return self._inner.is_done

    @is_done.setter
    def is_done(self, value: bool) -> None:
        self._inner.is_done = value

    @property
    def output_bytes(self) -> int:
        """Length of the summary."""
        return self._inner.output_bytes

    @output_bytes.setter
    def output_bytes(self, value: int) -> None:
        self._inner.output_bytes = value

    @property
    def has_finished(self) -> bool:
        """Whether the upstream has told how its answer ended."""
        return self._inner.has_finished

    def restart(self) -> None:
        """Forget what a failed attempt said; a beginning that the client has seen stays valid."""
        self._inner.restart()

    def feed(self, events: list[bytes]) -> bytes:
        """Return the beginning of the item with the upstream's first output; the rest stays here.

        Raises:
            GatewayError: as the translation of the answer itself.
        """
        self._inner.feed(events)
        return self._begin_item() if self._inner.has_output else b""

    def finish(self) -> bytes:
        """Return the finished item and the end of the stream.

        Raises:
            UpstreamError: there is no summary.
            GatewayError: as the translation of the answer itself.
        """
        if self._final is not None:
            return b""
        self._inner.finish()
        told = self._inner.final_object()
        item = compaction_item(self._item_id, self._seal(summary_in(told)))
        out = self._begin_item() + self._writer.event("response.output_item.done", output_index=0, item=item)
        self._final = ended_response(self._base, "completed", [item], usage=told["usage"], completed_at=self._now())
        return out + self._writer.event("response.completed", response=self._final) + sse.DONE

    def fail(self, error: GatewayError) -> bytes:
        """Return the events that end a stream with an error; nothing if it has ended already."""
        if self._final is not None:
            return b""
        shown = shown_error(error)
        told = {name: shown[name] for name in ("code", "message", "param")}
        out = self._begin() + self._writer.event("error", **told, error=shown)
        brief = {"code": shown["code"], "message": shown["message"]}
        self._final = ended_response(self._base, "failed", [], usage=None, error=brief)
        self._on_failure(self._final)
        return out + self._writer.event("response.failed", response=self._final) + sse.DONE

    def stop(self) -> bytes:
        """Return the events that end a stream which is cancelled; nothing if it has ended already."""
        if self._final is not None:
            return b""
        self._final = self.final_object()
        return self._begin() + self._writer.event("response.incomplete", response=self._final) + sse.DONE

    def keep_alive(self) -> bytes:
        """Return what bridges a silence."""
        return self._begin() or self._writer.event("keepalive")

    def tokens(self) -> Tokens | None:
        """Return the upstream's token counts, if it told any."""
        return self._inner.tokens()

    def set_estimate(self, estimate: Tokens) -> None:
        """Take counts for a summary whose upstream told none."""
        self._inner.set_estimate(estimate)

    def final_object(self) -> dict[str, Any]:
        """Return the response as its last event tells it; before that, as a client that left would have it."""
        if self._final is not None:
            return self._final
        return ended_response(self._base, "cancelled", [], usage=None)

    def _begin(self) -> bytes:
        if self._has_begun:
            return b""
        self._has_begun = True
        out = self._writer.event("response.created", response=self._base)
        return out + self._writer.event("response.in_progress", response=self._base)

    def _begin_item(self) -> bytes:
        if self.has_output:
            return b""
        self.has_output = True
        item = compaction_item(self._item_id, "")
        return self._begin() + self._writer.event("response.output_item.added", output_index=0, item=item)
