"""Classic Completions clients: one chat call for each prompt, over upstreams of either dialect."""

from __future__ import annotations

from typing import Any

from catalog.model import Route

from .calls import Call
from .exchange import Estimate, Exchange
from .translation.chat_answer import Tokens, chat_completion
from .translation.chat_over_responses import ChatOverResponses
from .translation.chat_over_responses_answer import whole_chat
from .translation.chat_over_responses_request import to_responses_request
from .translation.chat_over_responses_stop import stops_of
from .translation.chat_request import asked_effort, to_upstream_chat
from .translation.completions_over_chat import CompletionPlan, completion_answer, plan_completion
from .translation.completions_stream import MergedCompletions
from .translation.stream_translator import StreamTranslator
from .with_usage import with_usage


class CompletionsExchanges:
    """The exchanges of one completions call."""

    def __init__(self, call: Call, plan: CompletionPlan) -> None:
        """``plan`` is for upstreams that give several choices at once."""
        self._over_chat = CompletionsToChat(call, plan)
        self._over_responses = CompletionsToResponses(call, plan_completion(call.body, emulate_n=True))

    def for_route(self, route: Route) -> Exchange:
        """Return the exchange for a route's upstream."""
        return self._over_responses if route.upstream.dialect == "responses" else self._over_chat


class CompletionsToChat:
    """Over an upstream that knows Chat Completions."""

    path = "/chat/completions"
    needs_request = True

    def __init__(self, call: Call, plan: CompletionPlan) -> None:
        """Take the call and the chats that answer it."""
        self._call = call
        self._plan = plan
        self.asked_effort = asked_effort(call.body)
        self.parts = len(plan.calls)
        self._merged: MergedCompletions | None = None

    @property
    def translator(self) -> StreamTranslator:
        """What turns the upstream's chunks into the client's."""
        return self._stream

    @property
    def _stream(self) -> MergedCompletions:
        if self._merged is None:
            self._merged = MergedCompletions(
                self._plan,
                include_usage=self._call.include_usage,
                chat_streams=self._chat_streams(),
                **_known_by(self._call),
            )
        return self._merged

    @property
    def part_has_finished(self) -> bool:
        """The running part's end has been told."""
        return self._stream.call_has_finished

    def request(self, route: Route, effort: str | None, part: int) -> dict[str, Any]:
        """Return the chat that answers one prompt."""
        return to_upstream_chat(
            self._plan.requests[part],
            model=route.model,
            stream=self._call.stream,
            effort=effort,
            max_output_tokens=self._call.profile.max_output_tokens,
        )

    def end_part(self) -> bytes:
        """Return what ends one prompt's stream."""
        return self._stream.end_call()

    def part(self, told: object) -> dict[str, Any]:
        """Return one prompt's chat answer."""
        return chat_completion(told, new_call_id=str, **_known_by(self._call))

    def whole(self, parts: list[dict[str, Any]], estimate: Estimate) -> tuple[dict[str, Any], Tokens]:
        """Return all prompts' texts as one completion, with its token counts."""
        return with_usage(completion_answer(self._plan, parts, **_known_by(self._call)), estimate)

    def keep(self) -> None:
        """Store nothing: completions are not kept."""

    def _chat_streams(self) -> list[ChatOverResponses] | None:
        return None


class CompletionsToResponses(CompletionsToChat):
    """Over an upstream that knows the Responses API alone: a call for every choice."""

    path = "/responses"

    def request(self, route: Route, effort: str | None, part: int) -> dict[str, Any]:
        """Return the Responses request that gives one choice of one prompt."""
        return to_responses_request(
            self._plan.requests[part],
            model=route.model,
            stream=self._call.stream,
            effort=effort,
            max_output_tokens=self._call.profile.max_output_tokens,
        )

    def part(self, told: object) -> dict[str, Any]:
        """Return one choice as a chat answer."""
        stops = stops_of(self._call.body)
        return whole_chat(told, new_call_id=str, stops=stops, **_known_by(self._call)).answer

    def _chat_streams(self) -> list[ChatOverResponses]:
        stops = stops_of(self._call.body)
        return [
            ChatOverResponses(include_usage=True, new_call_id=str, stops=stops, **_known_by(self._call))
            for _ in self._plan.calls
        ]


def _known_by(call: Call) -> dict[str, Any]:
    return {"alias": call.profile.alias, "answer_id": call.answer_id, "created": call.created}
