"""One call as it is said to one kind of upstream, and how that upstream's answer is understood.

A call is made of a client's dialect and an upstream's. Each pair has an exchange; the relay knows none of
them, it asks the call's ``Exchanges`` for the one that fits the route it tries.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from catalog.model import Route

from .translation.chat_answer import Tokens
from .translation.stream_translator import StreamTranslator

log = logging.getLogger("smartroute.relay")

Estimate = Callable[[int], Tokens]
"""Makes token counts of the length of an answer in bytes, for upstreams that tell none."""


class Exchange(Protocol):
    """One call in the dialect of one kind of upstream."""

    path: str
    """Below the upstream's base address."""
    asked_effort: object
    """The reasoning depth that the client asks for."""
    parts: int
    """How many upstream calls make the answer: several prompts, or choices that the upstream gives one by one."""

    needs_request: bool
    """What the client sent is looked at again once the last part gives output, such as to store it."""

    @property
    def translator(self) -> StreamTranslator:
        """What turns the upstream's stream into the client's."""

    @property
    def part_has_finished(self) -> bool:
        """The upstream has told how the running part ended, so a missing formal end does no harm."""

    def request(self, route: Route, effort: str | None, part: int) -> dict[str, Any]:
        """Return the body to send to a route for one of the answer's parts, from 0.

        Raises:
            InvalidRequest: the call holds what this route cannot take.
        """

    def end_part(self) -> bytes:
        """Return what ends the stream of a part that is not the last; only called where there are several.

        Raises:
            GatewayError: as ``StreamTranslator.finish``.
        """

    def part(self, told: object) -> dict[str, Any]:
        """Return what an upstream told for one part of a whole answer, understood.

        Raises:
            GatewayError: it is no usable answer.
        """

    def whole(self, parts: list[dict[str, Any]], estimate: Estimate) -> tuple[dict[str, Any], Tokens]:
        """Return the client's whole answer, made of all parts, and its token counts."""

    def keep(self) -> None:
        """Store what the client asked to be stored, as it stands now; called before the last bytes leave."""


class Exchanges(Protocol):
    """The exchanges of one call."""

    def for_route(self, route: Route) -> Exchange:
        """Return the exchange for a route's upstream; always the same one for the same dialect."""


def keep(exchange: Exchange) -> None:
    """Store what the client asked to be stored; whatever goes wrong with that, the answer itself goes out."""
    try:
        exchange.keep()
    except Exception:
        log.exception("an answer could not be stored")
