"""Responses clients, over upstreams of either dialect."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from catalog.model import Route

from .calls import Call, new_id
from .exchange import Estimate
from .exchange_items import Lookup, items_of, plain_items
from .kept_response import KeptResponse
from .outcomes import estimated_tokens
from .response_store import Seals
from .stoppable_translators import StoppableNative, StoppableOverChat
from .translation.chat_answer import Tokens
from .translation.native_request import to_native_request
from .translation.responses_capabilities import Capabilities
from .translation.responses_native_bridge import NativeBridge
from .translation.responses_object import response_base
from .translation.responses_request import Asked, asked_responses_effort, to_upstream_chat

log = logging.getLogger("smartroute.responses")

_MOST_NOTES = 10


class ResponsesExchanges:
    """The exchanges of one Responses call, and where its response is kept."""

    def __init__(
        self,
        call: Call,
        asked: Asked,
        history: list[dict[str, Any]],
        kept: KeptResponse,
        seals: Seals,
        new_call_id: Callable[[], str],
        lookup: Lookup,
    ) -> None:
        """``history`` are the items that the call builds on; ``lookup`` finds stored items by their ids."""
        _log_notes(call, asked.notes)
        self._over_chat = ResponsesToChat(call, asked, seals, new_call_id, kept)
        self._native = ResponsesToResponses(call, asked, history, seals, new_call_id, kept, lookup)

    def for_route(self, route: Route) -> ResponsesToChat | ResponsesToResponses:
        """Return the exchange for a route's upstream: its own form where it knows the client's."""
        return self._over_chat if route.upstream.dialect == "chat" else self._native


class ResponsesToChat:
    """Over an upstream that knows Chat Completions alone."""

    path = "/chat/completions"
    parts = 1
    needs_request = True

    def __init__(
        self, call: Call, asked: Asked, seals: Seals, new_call_id: Callable[[], str], kept: KeptResponse
    ) -> None:
        """Take the call as it was read."""
        self._call = call
        self._asked = asked
        self._seals = seals
        self._new_call_id = new_call_id
        self._kept = kept
        self.asked_effort = asked_responses_effort(call.body)
        self._upstream = ""
        self._translator: StoppableOverChat | None = None

    @property
    def translator(self) -> StoppableOverChat:
        """What turns the upstream's chunks into the client's events."""
        return self._over_chat

    @property
    def _over_chat(self) -> StoppableOverChat:
        if self._translator is None:
            self._translator = StoppableOverChat(
                on_failure=self._kept.end,
                body=self._asked.body,
                tools=self._asked.tools,
                response_id=self._call.answer_id,
                created_at=self._call.created,
                alias=self._call.profile.alias,
                new_id=new_id,
                new_call_id=self._new_call_id,
                now=_now,
                seal=self._seal,
            )
        return self._translator

    @property
    def part_has_finished(self) -> bool:
        """The answer's end has been told."""
        return self.translator.has_finished

    def request(self, route: Route, effort: str | None, part: int) -> dict[str, Any]:
        """Return the conversation as chat messages, the tools as functions."""
        self._kept.exchange = self
        self._upstream = route.upstream.name
        return to_upstream_chat(
            self._asked,
            model=route.model,
            stream=self._call.stream,
            effort=effort,
            max_output_tokens=self._call.profile.max_output_tokens,
            capabilities=_capabilities(route),
            call_extras=_no_extras,
        )

    def _seal(self, value: dict[str, Any]) -> str:
        return self._seals.close({**value, "upstream": self._upstream})

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
        """Store the response if it has ended."""
        _keep_ended(self._kept, self._over_chat.final_object())

    def stop(self) -> tuple[bytes, dict[str, Any]]:
        """End the stream as cancelled; return its last bytes and the response."""
        return _stopped(self._call, self._over_chat)


class ResponsesToResponses:
    """The same dialect on both sides. The upstream stores nothing: history is sent along."""

    path = "/responses"
    parts = 1
    needs_request = True

    def __init__(
        self,
        call: Call,
        asked: Asked,
        history: list[dict[str, Any]],
        seals: Seals,
        new_call_id: Callable[[], str],
        kept: KeptResponse,
        lookup: Lookup,
    ) -> None:
        """Take the call and the items that it builds on."""
        self._call = call
        self._history = history
        self._seals = seals
        self._new_call_id = new_call_id
        self._kept = kept
        self._lookup = lookup
        self.asked_effort = asked_responses_effort(call.body)
        self._bridge = NativeBridge(asked.tools)
        self._as_summary = (asked.body.get("reasoning") or {}).get("summary") is not None
        self._upstream = ""
        self._translator: StoppableNative | None = None

    @property
    def translator(self) -> StoppableNative:
        """What turns the upstream's events into the client's."""
        return self._native

    @property
    def _native(self) -> StoppableNative:
        if self._translator is None:
            wants_sealed = "reasoning.encrypted_content" in (self._call.body.get("include") or [])
            self._translator = StoppableNative(
                on_failure=self._kept.end,
                answer_id=self._call.answer_id,
                base_object=self._base,
                new_id=new_id,
                new_call_id=self._new_call_id,
                seal=self._seal if wants_sealed else None,
                restored=self._bridge.restored,
                as_summary=self._as_summary,
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
        self._kept.exchange = self
        self._upstream = route.upstream.name
        given = items_of(self._call.body.get("input"))
        everything = [*self._history, *given]

        def plain(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return self._bridge.items(plain_items(items, everything, self._seals.open, self._lookup), everything)

        prepared = to_native_request(
            {**self._bridge.body(self._call.body), "input": plain(given)},
            model=route.model,
            stream=self._call.stream,
            effort=effort,
            max_output_tokens=self._call.profile.max_output_tokens,
            history=plain(self._history),
            unseal=self._unseal,
        )
        return prepared.body

    def _seal(self, value: dict[str, Any]) -> str:
        return self._seals.close({**value, "kind": "native", "upstream": self._upstream})

    def _unseal(self, text: str) -> dict[str, Any] | None:
        """Open what this same upstream wants back; another one would refuse it."""
        opened = self._seals.open(text)
        is_its_own = opened is not None and (opened.get("kind"), opened.get("upstream")) == ("native", self._upstream)
        return opened if is_its_own else None

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
        """Store the response if it has ended."""
        _keep_ended(self._kept, self._native.final_object())

    def stop(self) -> tuple[bytes, dict[str, Any]]:
        """End the stream as cancelled; return its last bytes and the response."""
        return _stopped(self._call, self._native)


def _log_notes(call: Call, notes: tuple[str, ...]) -> None:
    """Write in one line what of a request goes to no upstream. Names in it are the client's: no line of theirs."""
    told = list(dict.fromkeys(notes))
    if not told:
        return
    more = f"; and {len(told) - _MOST_NOTES} more" if len(told) > _MOST_NOTES else ""
    line = "".join(c if c.isprintable() else "?" for c in "; ".join(told[:_MOST_NOTES]))
    log.info("%s: %s%s", call.request_id, line, more)


def _keep_ended(kept: KeptResponse, response: dict[str, Any]) -> None:
    # One that has not ended is cut. Its translator is told why a moment later, and stores it then.
    if response["status"] != "cancelled":
        kept.end(response)


def _stopped(call: Call, translator: StoppableOverChat | StoppableNative) -> tuple[bytes, dict[str, Any]]:
    if translator.tokens() is None:
        translator.set_estimate(estimated_tokens(call, translator.output_bytes))
    return translator.stop(), translator.final_object()


def _capabilities(route: Route) -> Capabilities:
    return Capabilities(
        images="yes" if "image" in route.input else "refuse",
        files="file" in route.input,
        audio="audio" in route.input,
        upstream=route.upstream.name,
    )


def _no_extras(_call_id: str) -> object:
    return None


def _now() -> int:
    return int(time.time())
