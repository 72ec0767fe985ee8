"""The tiny requests of ``flask upstreams check``: built, sent and understood as those of clients are."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import gevent
import orjson
import requests
from msgspec import Struct

from catalog.model import Dialect, Profile, Route
from routing.features import Features

from .calls import Call, new_id
from .errors import GatewayError, UpstreamError
from .exchange import Exchange
from .exchange_chat import ChatExchanges
from .sse import EventSplitter, EventTooLong
from .upstream import UpstreamAnswer, Upstreams, UpstreamText
from .upstream_body import BodyCut, Silence
from .upstream_wire import NoConnection, NoSuchName

Fault = Literal["refused", "name", "tls", "connect_timeout", "timeout", "broken", "no_stream"]

_MOST_SAID = 200  # characters of an upstream's own words
_MOST_BYTES = 4 * 1024 * 1024
_BEARER = re.compile(r"(?i)bearer\s+\S+")


class Outcome(Struct, frozen=True):
    """What came of one request; ``said`` is the upstream's word on a refusal or what is wrong with an answer.

    ``choice`` is the answer's, as a client would get it; None for streams.
    """

    status: int = 200
    fault: Fault | None = None
    said: str = ""
    first_output_ms: int | None = None
    choice: dict[str, Any] | None = None

    @property
    def is_good(self) -> bool:
        """Tell whether a client would have been served."""
        return self.fault is None and self.status == 200

    @property
    def is_verdict(self) -> bool:
        """Tell whether a failure says something of the request, and not of the upstream's state at the moment."""
        return self.fault is None and self.status in (400, 404, 405, 413, 415, 422, 500, 501)


class Asker:
    """Asks one route, and counts how often."""

    def __init__(self, upstreams: Upstreams, profile: Profile, route: Route, timeout_s: float) -> None:
        """Nothing is sent yet; ``timeout_s`` is for each answer, from its request to its end."""
        self._upstreams = upstreams
        self._profile = profile
        self._route = route
        self._timeout_s = timeout_s
        self._limit_field = "max_tokens"
        self.requests = 0

    def ask(
        self, dialect: Dialect, fields: dict[str, Any], *, stream: bool = False, effort: str | None = None
    ) -> Outcome:
        """Send a chat with ``fields`` in the words of ``dialect``; its ``max_tokens`` may get its newer name."""
        outcome = self._ask(dialect, fields, stream=stream, effort=effort)
        if outcome.status == 400 and self._limit_field == "max_tokens" and "max_completion_tokens" in outcome.said:
            self._limit_field = "max_completion_tokens"
            outcome = self._ask(dialect, fields, stream=stream, effort=effort)
        return outcome

    def _ask(self, dialect: Dialect, fields: dict[str, Any], *, stream: bool, effort: str | None) -> Outcome:
        body = {self._limit_field if name == "max_tokens" else name: value for name, value in fields.items()}
        route = replace(self._route, upstream=replace(self._route.upstream, dialect=dialect))
        exchange: Exchange = ChatExchanges(self._call(body, stream), lambda: new_id("call_")).for_route(route)
        payload = orjson.dumps(exchange.request(route, effort, 0))
        self.requests += 1
        started = time.monotonic()
        limit_s = self._timeout_s + self._route.upstream.connect_timeout
        answer: UpstreamAnswer | UpstreamText | None = None
        try:
            with gevent.Timeout(limit_s, TimeoutError()):  # bytes that drip in would keep other limits from ending it
                answer = self._upstreams.look(self._route.upstream, exchange.path, payload, wait_s=self._timeout_s)
                if isinstance(answer, UpstreamText):
                    return _refused(answer)
                if stream:
                    return self._streamed(answer, exchange, started)
                return self._whole(answer, exchange, started)
        except GatewayError as error:
            return failed(error)
        except (TimeoutError, Silence):
            return Outcome(fault="timeout")
        except BodyCut as error:
            return Outcome(fault="broken", said=words_of(str(error)))
        except EventTooLong:
            return Outcome(fault="broken", said="an event without an end")
        finally:
            if isinstance(answer, UpstreamAnswer):
                answer.close()

    def _streamed(self, answer: UpstreamAnswer, exchange: Exchange, started: float) -> Outcome:
        if answer.content_type != "text/event-stream":
            return Outcome(fault="no_stream", said=answer.content_type or "no content type")
        first_output_ms = None
        translator = exchange.translator
        for events in self._events(answer, started):
            translator.feed(events)
            if translator.has_output and first_output_ms is None:
                first_output_ms = round((time.monotonic() - started) * 1000)
            if translator.is_done:
                break
        translator.finish()
        answer.body.take_end()
        return Outcome(first_output_ms=first_output_ms)

    def _events(self, answer: UpstreamAnswer, started: float) -> Iterator[list[bytes]]:
        splitter = EventSplitter()
        while piece := answer.body.read(self._left_s(started)):
            yield splitter.feed(piece)
        yield splitter.finish()

    def _whole(self, answer: UpstreamAnswer, exchange: Exchange, started: float) -> Outcome:
        raw = b""
        while piece := answer.body.read(self._left_s(started)):
            raw += piece
            if len(raw) > _MOST_BYTES:
                raise BodyCut("an answer without an end")
        try:
            told = orjson.loads(raw)
        except orjson.JSONDecodeError:
            said = f"{answer.content_type or 'no content type'}, which is no JSON"
            return Outcome(fault="broken", said=said)
        return Outcome(choice=exchange.part(told)["choices"][0])

    def _left_s(self, started: float) -> float:
        return max(0.001, started + self._timeout_s - time.monotonic())

    def _call(self, body: dict[str, Any], stream: bool) -> Call:
        features = Features(
            endpoint="chat/completions",
            stream=stream,
            speed="standard",
            prompt_tokens=0,
            modalities=frozenset(),
            tools=False,
            structured_output=False,
            conversation=None,
            is_first_turn=True,
            is_named=False,
        )
        return Call(
            request_id="check",
            endpoint="chat/completions",
            body=body,
            profile=self._profile,
            features=features,
            alias_asked=None,
            stream=stream,
            include_usage=False,
            started=time.monotonic(),
            deadline_s=self._timeout_s,
            created=int(time.time()),
            answer_id=new_id("check_"),
        )


def _refused(answer: UpstreamText) -> Outcome:
    if answer.status == 200:
        return Outcome(fault="broken", said="its answer is compressed, which nobody asked for")
    return Outcome(answer.status, said=words_of(answer.text))


def failed(error: GatewayError) -> Outcome:
    """Return what an answer that never came, or was none, amounts to."""
    cause = error.__cause__
    said = words_of(error.detail or error.message)
    fault: Fault = "broken"
    if isinstance(cause, requests.exceptions.SSLError):
        fault = "tls"
    elif isinstance(cause, requests.exceptions.ConnectTimeout):
        fault = "connect_timeout"
    elif isinstance(cause, NoSuchName):
        fault = "name"
    elif isinstance(cause, NoConnection):
        fault = "refused"
    elif isinstance(error, UpstreamError) and error.status == 504:
        fault = "timeout"
    return Outcome(fault=fault, said=said)


def words_of(text: str) -> str:
    """Return what an upstream says, short and in one line: the message of an error where it is JSON."""
    try:
        told = orjson.loads(text)
    except orjson.JSONDecodeError:
        told = text
    for name in ("error", "detail", "message"):
        if isinstance(told, dict) and told.get(name):
            told = told[name]
    said = told if isinstance(told, str) else orjson.dumps(told).decode()
    said = _BEARER.sub("bearer [key]", " ".join(said.split()))
    said = "".join(each if each.isprintable() else "?" for each in said)
    return said if len(said) <= _MOST_SAID else said[: _MOST_SAID - 1] + "…"
