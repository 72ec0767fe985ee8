"""Chat Completions clients, over an upstream that knows the Responses API alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from catalog.model import Route

from .calls import Call
from .errors import InvalidRequest
from .exchange import Estimate
from .translation.chat_answer import Tokens
from .translation.chat_over_responses import ChatOverResponses
from .translation.chat_over_responses_answer import whole_chat
from .translation.chat_over_responses_merged import MergedChat, merged_chat
from .translation.chat_over_responses_request import to_responses_request
from .translation.chat_over_responses_stop import stops_of
from .translation.chat_over_responses_tools import declared_functions, uses_legacy_functions
from .translation.chat_request import asked_effort
from .translation.completions_over_chat import MOST_CALLS
from .translation.stream_translator import StreamTranslator
from .with_usage import with_usage


class ChatToResponses:
    """A chat, answered by a Responses upstream; each of ``n`` choices takes a call of its own."""

    path = "/responses"
    needs_request = False

    def __init__(self, call: Call, new_call_id: Callable[[], str]) -> None:
        """Take the call; ``new_call_id`` makes the ids that tool calls are handed out with."""
        self._call = call
        self._new_call_id = new_call_id
        self.asked_effort = asked_effort(call.body)
        self.parts: int = call.body.get("n") or 1
        self._stream: ChatOverResponses | MergedChat | None = None

    @property
    def translator(self) -> StreamTranslator:
        """What turns the upstream's events into the client's chunks."""
        return self._translator

    @property
    def _translator(self) -> ChatOverResponses | MergedChat:
        if self._stream is None:
            streams = [self._stream_of(choice) for choice in range(self.parts)]
            merged = {"include_usage": self._call.include_usage, **self._known_by()}
            self._stream = streams[0] if self.parts == 1 else MergedChat(streams, **merged)
        return self._stream

    @property
    def part_has_finished(self) -> bool:
        """The running part's end has been told."""
        running = self._translator
        return running.call_has_finished if isinstance(running, MergedChat) else running.has_finished

    def request(self, route: Route, effort: str | None, part: int) -> dict[str, Any]:
        """Return the chat as a Responses request for one choice."""
        if self.parts > MOST_CALLS:
            raise InvalidRequest(
                f"n: at most {MOST_CALLS} answers are given at once.", code="array_above_max_length", param="n"
            )
        return to_responses_request(
            {name: value for name, value in self._call.body.items() if name != "n"},
            model=route.model,
            stream=self._call.stream,
            effort=effort,
            max_output_tokens=self._call.profile.max_output_tokens,
        )

    def end_part(self) -> bytes:
        """Return what ends one choice's stream."""
        running = self._translator
        return running.end_call() if isinstance(running, MergedChat) else b""

    def part(self, told: object) -> dict[str, Any]:
        """Return one choice as a chat answer."""
        return whole_chat(told, new_call_id=self._new_call_id, **self._known_by(), **self._asked()).answer

    def whole(self, parts: list[dict[str, Any]], estimate: Estimate) -> tuple[dict[str, Any], Tokens]:
        """Return the choices as one answer with its token counts."""
        return with_usage(parts[0] if self.parts == 1 else merged_chat(parts), estimate)

    def keep(self) -> None:
        """Store nothing: chats are not kept."""

    def _stream_of(self, choice: int) -> ChatOverResponses:
        return ChatOverResponses(
            include_usage=self._call.include_usage,
            new_call_id=self._new_call_id,
            choice_index=choice,
            **self._known_by(),
            **self._asked(),
        )

    def _known_by(self) -> dict[str, Any]:
        call = self._call
        return {"alias": call.profile.alias, "answer_id": call.answer_id, "created": call.created}

    def _asked(self) -> dict[str, Any]:
        body = self._call.body
        return {
            "stops": stops_of(body),
            "functions": declared_functions(body),
            "legacy_functions": uses_legacy_functions(body),
        }
