"""Compaction over upstreams of either dialect: of ``responses/compact``, and of a response that asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from catalog.model import Route

from .calls import Call, new_id
from .exchange import Estimate
from .exchange_items import Lookup
from .exchange_responses import ResponsesExchanges, ResponsesToChat, ResponsesToResponses
from .kept_response import KeptResponse
from .response_store import Seals
from .translation.chat_answer import Tokens
from .translation.compaction import CompactionStream, compaction_item, summary_in
from .translation.responses_object import ended_response, response_base
from .translation.responses_request import Asked

COMPACT_ENDPOINT = "responses/compact"


class CompactionExchanges:
    """The exchanges of one call that compacts a conversation."""

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
        """``asked`` is the request for the summary; the rest as for ``ResponsesExchanges``."""
        summary_call = replace(call, body=asked.body)
        inner = ResponsesExchanges(summary_call, asked, history, kept, seals, new_call_id, lookup)
        self._inner = inner
        self._made: dict[int, CompactionExchange] = {}
        self._call = call
        self._kept = kept
        self._seals = seals

    def for_route(self, route: Route) -> CompactionExchange:
        """Return the exchange for a route's upstream."""
        inner = self._inner.for_route(route)
        if id(inner) not in self._made:
            self._made[id(inner)] = CompactionExchange(inner, self._call, self._kept, self._seals)
        return self._made[id(inner)]


class CompactionExchange:
    """One compaction over one kind of upstream, which is asked for a summary."""

    parts = 1
    needs_request = True

    def __init__(
        self, inner: ResponsesToChat | ResponsesToResponses, call: Call, kept: KeptResponse, seals: Seals
    ) -> None:
        """``inner`` asks for the summary; ``call`` is the client's."""
        self._inner = inner
        self._call = call
        self._kept = kept
        self._seals = seals
        self._item_id = new_id("cmp_")
        self._base = response_base(
            call.body, response_id=call.answer_id, created_at=call.created, alias=call.profile.alias
        )
        self._final: dict[str, Any] | None = None
        self.path = inner.path
        self.asked_effort = inner.asked_effort
        self.translator = CompactionStream(
            inner.translator,
            self._base,
            item_id=self._item_id,
            seal=self._seal,
            now=_now,
            on_failure=kept.end,
        )

    @property
    def part_has_finished(self) -> bool:
        """The summary's end has been told."""
        return self.translator.has_finished

    def request(self, route: Route, effort: str | None, part: int) -> dict[str, Any]:
        """Return the request for the summary."""
        request = self._inner.request(route, effort, part)
        self._kept.exchange = self
        return request

    def end_part(self) -> bytes:
        """There is one part only."""
        return b""

    def part(self, told: object) -> dict[str, Any]:
        """Return the response object that holds the summary.

        Raises:
            GatewayError: there is none.
        """
        response = self._inner.part(told)
        summary_in(response)
        return response

    def whole(self, parts: list[dict[str, Any]], estimate: Estimate) -> tuple[dict[str, Any], Tokens]:
        """Return the compaction, or the response whose only item it is, and the token counts."""
        response, counts = self._inner.whole(parts, estimate)
        item = compaction_item(self._item_id, self._seal(summary_in(response)))
        if self._call.endpoint == COMPACT_ENDPOINT:
            return self._compaction(item, response["usage"]), counts
        self._final = ended_response(self._base, "completed", [item], usage=response["usage"], completed_at=_now())
        return self._final, counts

    def keep(self) -> None:
        """Store the response if it has ended."""
        final = self._final or self.translator.final_object()
        if final["status"] != "cancelled":
            self._kept.end(final)

    def stop(self) -> tuple[bytes, dict[str, Any]]:
        """End the stream as cancelled; return its last bytes and the response."""
        return self.translator.stop(), self.translator.final_object()

    def _compaction(self, item: dict[str, Any], usage: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": self._call.answer_id,
            "object": "response.compaction",
            "created_at": self._call.created,
            "output": [item],
            "usage": usage,
        }

    def _seal(self, summary: str) -> str:
        return self._seals.close({"kind": "compaction", "text": summary})


def _now() -> int:
    return int(time.time())
