"""A Responses client on a Responses upstream: own ids, allowed keys alone, exactly one end.

The finished object is built from what was streamed. Most events are deltas; those are not parsed
(``native_template``). All others are read by ``native_reader``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import sse
from ..errors import GatewayError, UpstreamError, UpstreamIncomplete
from .chat_answer import Tokens
from .native_errors import error_in_response, shown_error
from .native_items import OwnIds
from .native_reader import Delta, NativeReader
from .native_template import Templates
from .native_usage import native_usage, tokens_told
from .native_writer import EventWriter


class NativeResponses:
    """Turns the upstream's events into the client's (``StreamTranslator``). Pure but for its own state."""

    def __init__(
        self,
        *,
        answer_id: str,
        base_object: Callable[[str], dict[str, Any]],
        new_id: Callable[[str], str],
        new_call_id: Callable[[], str],
        seal: Callable[[dict[str, Any]], str] | None = None,
        restored: Callable[[Any], Any] = lambda told: told,
        as_summary: bool = False,
    ) -> None:
        """Take what the answer is known by.

        ``base_object(status)`` returns the response object's keys other than id, status, output, usage, error
        and incomplete_details; it is asked once for ``in_progress`` and once for the end. ``new_id`` makes an
        id from a prefix. ``seal`` turns what the upstream wants back of a reasoning item (``id`` and
        ``encrypted_content``) into text for the client, who asked for it; without it nothing is given out.
        ``restored`` returns an item of the upstream as it is to be read, where the request named a tool otherwise.
        ``as_summary`` shows the upstream's reasoning text as the summary that the client asked for: agents
        display nothing else.
        """
        self._answer_id = answer_id
        self._base_object = base_object
        self._new_id, self._new_call_id = new_id, new_call_id
        self._seal, self._restored, self._as_summary = seal, restored, as_summary
        self._writer = EventWriter(lambda: self._object("in_progress", []))
        self._estimate: Tokens | None = None
        self.restart()

    def restart(self) -> None:
        """Forget what a failed attempt said; a beginning that the client has seen stays valid."""
        self._writer.restart()
        self._ids = OwnIds(self._new_id, self._new_call_id)
        self._templates: Templates[Delta] = Templates()
        self._reader = NativeReader(
            self._writer, self._ids, self._templates, self._seal, self._restored, as_summary=self._as_summary
        )
        self._trouble: GatewayError | None = None
        self._error: dict[str, Any] | None = None
        self._final: dict[str, Any] | None = None
        self._has_ended = False
        self.has_output = False
        self.is_done = False
        self.output_bytes = 0

    @property
    def has_finished(self) -> bool:
        """Tell whether the upstream has said how its answer ended."""
        return bool(self._reader.status)

    def feed(self, events: list[bytes]) -> bytes:
        """Return the client's bytes for the data of some upstream events; empty before the first output.

        Raises:
            GatewayError: the upstream reports an error or sends something that is no event. After output it
                is raised by ``finish`` instead, so that what came before it is not lost.
        """
        out = bytearray()
        writer, reader = self._writer, self._reader
        mark = writer.mark()
        try:
            for data in events:
                if reader.is_done:
                    break
                known = self._templates.match(data)
                if known is not None and known[1].text.whole is None:
                    piece, delta = known
                    delta.text.raw += piece
                    reader.output_bytes += len(piece)
                    out += b"%b%d%b%b%b" % (delta.head, writer.sequence, delta.middle, piece, delta.tail)
                    writer.sequence += 1
                elif data == b"[DONE]":
                    out += reader.stop()
                else:
                    out += reader.event(data)
        except GatewayError as error:
            if not self.has_output:
                writer.undo(mark)
                raise
            self._trouble, reader.is_done = error, True
        self.has_output, self.is_done, self.output_bytes = writer.has_output, reader.is_done, reader.output_bytes
        return bytes(out)

    def finish(self) -> bytes:
        """Return the terminal event and ``[DONE]``.

        Raises:
            UpstreamIncomplete: the upstream just stopped.
            UpstreamError: it ended with neither output nor an end of its own.
            GatewayError: the error that ``feed`` kept.
        """
        if self._trouble is not None:
            raise self._trouble
        status = self._reader.status
        if not status:
            if not self.has_output:
                raise UpstreamError(detail="the stream ended with neither output nor a terminal event")
            raise UpstreamIncomplete(detail="the stream ended without a terminal event")
        out = self._writer.commit()
        self._has_ended = True
        return out + self._writer.event(f"response.{status}", {"response": self.final_object()}) + sse.DONE

    def fail(self, error: GatewayError) -> bytes:
        """Return ``error``, ``response.failed`` and ``[DONE]``; nothing after another terminal event."""
        if self._has_ended:
            return b""
        shown = shown_error(error)
        self._error = {"code": shown["code"], "message": shown["message"]}
        self._final, self._has_ended = None, True
        flat = {name: shown[name] for name in ("code", "message", "param")}
        out = self._writer.beginning() + self._writer.event("error", {**flat, "error": shown})
        return out + self._writer.event("response.failed", {"response": self.final_object()}) + sse.DONE

    def stop(self) -> bytes:
        """Return the events that end a stream which is cancelled; nothing if it has ended already.

        The terminal event is ``response.incomplete``: none of the events that clients know is named after a
        cancellation. The object inside says ``cancelled``.
        """
        if self._has_ended:
            return b""
        final = self.final_object()
        kind = "incomplete" if final["status"] == "cancelled" else final["status"]
        out = self._writer.beginning() + self._writer.event(f"response.{kind}", {"response": final}) + sse.DONE
        self._final, self._has_ended = final, True
        return out

    def keep_alive(self) -> bytes:
        """Return what bridges a silence: the beginning, if the client has not seen it, else a keepalive event."""
        return self._writer.keep_alive()

    def tokens(self) -> Tokens | None:
        """Return the upstream's token counts, if it told any."""
        return tokens_told(self._reader.usage)

    def set_estimate(self, estimate: Tokens) -> None:
        """Take counts for an answer whose upstream told none."""
        self._estimate, self._final = estimate, None

    def final_object(self) -> dict[str, Any]:
        """Return the response object as it ended; the terminal event holds the same.

        Before an end has come it is the object of a cancelled response, with the output so far.
        """
        if self._final is not None:
            return self._final
        status = "failed" if self._error else self._reader.status or "cancelled"
        begun = self._reader.items if self.has_output or self._reader.status else []
        output = [item.end({}, "incomplete", self._ids) if item.final is None else item.final for item in begun]
        final = self._object(status, output)
        if status != "cancelled":
            self._final = final
        return final

    def whole(self, told: object) -> dict[str, Any]:
        """Return the client's object for the upstream's answer to a request that was not streamed.

        ``tokens`` and ``set_estimate`` followed by ``final_object`` fill in counts that the upstream left out.

        Raises:
            GatewayError: it is no finished response, or one that failed.
        """
        if not isinstance(told, dict) or told.get("error") or not isinstance(told.get("output"), list):
            raise error_in_response(told, param="input")
        self._reader.terminal("completed", told)
        self.has_output, self.is_done, self.output_bytes = True, True, self._reader.output_bytes
        return self.final_object()

    def _object(self, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        counts = None if status == "in_progress" else self.tokens() or self._estimate
        reason = self._reader.incomplete if status == "incomplete" else None
        return {
            "id": self._answer_id,
            **self._base_object(status),
            "status": status,
            "error": self._error,
            "incomplete_details": {"reason": reason} if reason else None,
            "output": output,
            "usage": native_usage(counts, self._reader.usage) if counts else None,
        }
