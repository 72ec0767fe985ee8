"""Responses clients, over upstreams of either dialect."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from catalog.model import Route

from .calls import Call, new_id
from .exchange import Estimate, Exchange
from .outcomes import estimated_tokens
from .response_store import ResponseStore, Seals
from .translation.chat_answer import Tokens
from .translation.native_request import to_native_request
from .translation.native_responses import NativeResponses
from .translation.responses_capabilities import Capabilities
from .translation.responses_object import response_base
from .translation.responses_over_chat import ResponsesOverChat
from .translation.responses_request import Asked, asked_responses_effort, to_upstream_chat
from .translation.stream_translator import StreamTranslator


class ResponsesExchanges:
    """The exchanges of one Responses call, and where its response is kept."""

    def __init__(
        self,
        call: Call,
        asked: Asked,
        history: list[dict[str, Any]],
        store: ResponseStore | None,
        seals: Seals,
        new_call_id: Callable[[], str],
    ) -> None:
        """``history`` are the items that the call builds on; ``store`` is None where nothing is to be kept."""
        self._keep = _Keeping(call, store)
        self._over_chat = ResponsesToChat(call, asked, seals, new_call_id, self._keep)
        self._native = ResponsesToResponses(call, history, seals, new_call_id, self._keep)

    def for_route(self, route: Route) -> Exchange:
        """Return the exchange for a route's upstream: its own form where it knows the client's."""
        return self._over_chat if route.upstream.dialect == "chat" else self._native


class _Keeping:
    """Stores the response of one call, if the client wants that."""

    def __init__(self, call: Call, store: ResponseStore | None) -> None:
        self._call = call
        self._store = store

    def __call__(self, response: dict[str, Any]) -> None:
        if self._store is not None:
            self._store.keep(response, own_items(self._call.body.get("input")))


class ResponsesToChat:
    """Over an upstream that knows Chat Completions alone."""

    path = "/chat/completions"
    parts = 1

    def __init__(
        self, call: Call, asked: Asked, seals: Seals, new_call_id: Callable[[], str], keep: Callable[..., None]
    ) -> None:
        """Take the call as it was read."""
        self._call = call
        self._asked = asked
        self._seals = seals
        self._new_call_id = new_call_id
        self._keep = keep
        self.asked_effort = asked_responses_effort(call.body)
        self._translator: ResponsesOverChat | None = None

    @property
    def translator(self) -> StreamTranslator:
        """What turns the upstream's chunks into the client's events."""
        return self._over_chat

    @property
    def _over_chat(self) -> ResponsesOverChat:
        if self._translator is None:
            self._translator = ResponsesOverChat(
                body=self._asked.body,
                tools=self._asked.tools,
                response_id=self._call.answer_id,
                created_at=self._call.created,
                alias=self._call.profile.alias,
                new_id=new_id,
                new_call_id=self._new_call_id,
                now=_now,
                seal=self._seals.close,
            )
        return self._translator

    @property
    def part_has_finished(self) -> bool:
        """The answer's end has been told."""
        return self.translator.has_finished

    def request(self, route: Route, effort: str | None, part: int) -> dict[str, Any]:
        """Return the conversation as chat messages, the tools as functions."""
        prepared = to_upstream_chat(
            self._asked,
            model=route.model,
            stream=self._call.stream,
            effort=effort,
            max_output_tokens=self._call.profile.max_output_tokens,
            capabilities=_capabilities(route),
            call_extras=_no_extras,
        )
        return prepared.request

    def end_part(self) -> bytes:
        """There is one part only."""
        return b""

    def part(self, told: object) -> dict[str, Any]:
        """Return the response object for a whole chat answer."""
        return self._over_chat.whole(told, estimate=lambda output_bytes: estimated_tokens(self._call, output_bytes))

    def whole(self, parts: list[dict[str, Any]], estimate: Estimate) -> tuple[dict[str, Any], Tokens]:
        """Return the response object with its token counts."""
        return parts[0], self._over_chat.tokens() or estimate(self._over_chat.output_bytes)

    def keep(self) -> None:
        """Store the response as it stands."""
        self._keep(self._over_chat.final_object())


class ResponsesToResponses:
    """The same dialect on both sides. The upstream stores nothing: history is sent along."""

    path = "/responses"
    parts = 1

    def __init__(
        self,
        call: Call,
        history: list[dict[str, Any]],
        seals: Seals,
        new_call_id: Callable[[], str],
        keep: Callable[..., None],
    ) -> None:
        """Take the call and the items that it builds on."""
        self._call = call
        self._history = history
        self._seals = seals
        self._new_call_id = new_call_id
        self._keep = keep
        self.asked_effort = asked_responses_effort(call.body)
        self._translator: NativeResponses | None = None

    @property
    def translator(self) -> StreamTranslator:
        """What turns the upstream's events into the client's."""
        return self._native

    @property
    def _native(self) -> NativeResponses:
        if self._translator is None:
            wants_sealed = "reasoning.encrypted_content" in (self._call.body.get("include") or [])
            self._translator = NativeResponses(
                answer_id=self._call.answer_id,
                base_object=self._base,
                new_id=new_id,
                new_call_id=self._new_call_id,
                seal=self._seals.close if wants_sealed else None,
            )
        return self._translator

    def _base(self, status: str) -> dict[str, Any]:
        base = response_base(
            self._call.body,
            response_id=self._call.answer_id,
            created_at=self._call.created,
            alias=self._call.profile.alias,
        )
        return {**base, "completed_at": _now() if status == "completed" else None}

    @property
    def part_has_finished(self) -> bool:
        """The answer's end has been told."""
        return self.translator.has_finished

    def request(self, route: Route, effort: str | None, part: int) -> dict[str, Any]:
        """Return the client's request, but for what the gateway owns."""
        prepared = to_native_request(
            self._call.body,
            model=route.model,
            stream=self._call.stream,
            effort=effort,
            max_output_tokens=self._call.profile.max_output_tokens,
            history=self._history,
            unseal=self._seals.open,
        )
        return prepared.body

    def end_part(self) -> bytes:
        """There is one part only."""
        return b""

    def part(self, told: object) -> dict[str, Any]:
        """Return the response object, built from the allowed keys."""
        return self._native.whole(told)

    def whole(self, parts: list[dict[str, Any]], estimate: Estimate) -> tuple[dict[str, Any], Tokens]:
        """Return the response object with its token counts."""
        native = self._native
        counts = native.tokens()
        if counts is not None:
            return parts[0], counts
        counts = estimate(native.output_bytes)
        native.set_estimate(counts)
        return native.final_object(), counts

    def keep(self) -> None:
        """Store the response as it stands."""
        self._keep(self._native.final_object())


def own_items(told: object) -> list[dict[str, Any]]:
    """Return a request's ``input`` as items, each with an id."""
    if isinstance(told, str):
        told = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": told}]}]
    items = [item for item in told or [] if isinstance(item, dict)] if isinstance(told, list) else []
    return [item if item.get("id") else {**item, "id": new_id(_prefix(item))} for item in items]


def _prefix(item: dict[str, Any]) -> str:
    kinds = {"function_call": "fc_", "custom_tool_call": "ctc_", "reasoning": "rs_", "compaction": "cmp_"}
    return kinds.get(str(item.get("type")), "msg_")


def _capabilities(route: Route) -> Capabilities:
    return Capabilities(
        images="yes" if "image" in route.input else "refuse",
        files="file" in route.input,
        audio="audio" in route.input,
    )


def _no_extras(_call_id: str) -> object:
    return None


def _now() -> int:
    return int(time.time())
