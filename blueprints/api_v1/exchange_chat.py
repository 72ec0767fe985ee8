"""Chat Completions clients, over upstreams of either dialect."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from catalog.model import Route

from .calls import Call
from .exchange import Estimate, Exchange
from .exchange_chat_native import ChatToResponses
from .translation import chat_answer
from .translation.chat_answer import Tokens
from .translation.chat_over_chat import ChatOverChat
from .translation.chat_request import asked_effort, to_upstream_chat
from .translation.stream_translator import StreamTranslator
from .with_usage import with_usage


@lru_cache
def _is_openai(base_url: str) -> bool:
    return urlsplit(base_url).hostname == "api.openai.com"


class ChatExchanges:
    """The exchanges of one chat call."""

    def __init__(self, call: Call, new_call_id: Callable[[], str]) -> None:
        """``new_call_id`` makes the ids that tool calls are handed out with."""
        self._over_chat = ChatToChat(call, new_call_id)
        self._over_responses = ChatToResponses(call, new_call_id)

    def for_route(self, route: Route) -> Exchange:
        """Return the exchange for a route's upstream."""
        return self._over_responses if route.upstream.dialect == "responses" else self._over_chat


class ChatToChat:
    """The same dialect on both sides."""

    path = "/chat/completions"
    parts = 1
    needs_request = False

    def __init__(self, call: Call, new_call_id: Callable[[], str]) -> None:
        """Take the call; nothing is sent yet."""
        self._call = call
        self._new_call_id = new_call_id
        self.asked_effort = asked_effort(call.body)
        self._translator: ChatOverChat | None = None

    @property
    def translator(self) -> StreamTranslator:
        """What turns the upstream's chunks into the client's."""
        if self._translator is None:
            self._translator = ChatOverChat(
                alias=self._call.profile.alias,
                answer_id=self._call.answer_id,
                created=self._call.created,
                include_usage=self._call.include_usage,
                new_call_id=self._new_call_id,
                n=self._call.body.get("n") or 1,
            )
        return self._translator

    @property
    def part_has_finished(self) -> bool:
        """The answer's end has been told."""
        return self.translator.has_finished

    def request(self, route: Route, effort: str | None, part: int) -> dict[str, Any]:
        """Return the client's request, but for what the gateway owns."""
        return to_upstream_chat(
            self._call.body,
            model=route.model,
            stream=self._call.stream,
            effort=effort,
            max_output_tokens=self._call.profile.max_output_tokens,
            knows_developer=_is_openai(route.upstream.base_url),
        )

    def end_part(self) -> bytes:
        """There is one part only."""
        return b""

    def part(self, told: object) -> dict[str, Any]:
        """Return the answer, built from the allowed keys."""
        return chat_answer.chat_completion(
            told,
            alias=self._call.profile.alias,
            answer_id=self._call.answer_id,
            created=self._call.created,
            new_call_id=self._new_call_id,
        )

    def whole(self, parts: list[dict[str, Any]], estimate: Estimate) -> tuple[dict[str, Any], Tokens]:
        """Return the answer with its token counts."""
        return with_usage(parts[0], estimate)

    def keep(self) -> None:
        """Store nothing: chats are not kept."""
