"""OpenTelemetry traces of requests, where its standard variables ask for them; nothing of it is loaded otherwise.

The spans of a request are made when it has ended, of what its routing receipt tells, so tracing takes part in no
request and in no event of a stream. They hold names of the catalog, codes, times and counts: no content, no token,
no account, no address. docs/observability.md has the spans and their attributes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gevent
import orjson
from msgspec import Struct

from service.metrics.counts import endpoint_of

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import TextMapPropagator
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

    from models.reservation import Outcome

log = logging.getLogger("smartroute.tracing")

TRAIL = "smartroute.trail"
"""Where a request's WSGI environment holds its ``Trail``."""
FLUSH_S = 3.0
_UNTRACED = ("probe", "metrics", "static")
_METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH")
_PROTOCOL = "http/protobuf"


class Trail(Struct):
    """What a request leaves behind for its trace; times are of the monotonic clock, in seconds."""

    alias: str
    plan: str
    started: float
    """What the times of its routing receipt are counted from."""
    decided_from: float
    decided_until: float
    outcome: Outcome | None = None


class Tracing:
    """Traces of this process; does nothing unless the environment asks for it and ``start`` was called."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """Read what is wanted."""
        self._env = env
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None
        self._callers: TextMapPropagator | None = None
        self.is_wanted = is_wanted(env)

    def start(self) -> None:
        """Load OpenTelemetry and start to export; called in a worker, since threads do not survive a fork."""
        if not self.is_wanted:
            return
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        named = "OTEL_SERVICE_NAME" in self._env or "service.name" in self._env.get("OTEL_RESOURCE_ATTRIBUTES", "")
        self._provider = TracerProvider(resource=Resource.create({} if named else {"service.name": "smart-route"}))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("smart-route")
        self._callers = TraceContextTextMapPropagator()

    def stop(self) -> None:
        """Export what is left, within a bound."""
        if self._provider is not None:
            with gevent.Timeout(FLUSH_S, False):
                self._provider.shutdown()

    def request_ended(self, environ: Mapping[str, Any], status: int, started: float, ended: float) -> None:
        """Make the spans of a request whose last byte has left; status 0: it had no answer."""
        endpoint = endpoint_of(environ.get("PATH_INFO", ""))
        if self._tracer is None or self._callers is None or endpoint in _UNTRACED:
            return
        try:
            caller = self._callers.extract({"traceparent": str(environ.get("HTTP_TRACEPARENT", ""))})
            _make_spans(self._tracer, caller, environ, endpoint, status, started, ended)
        except Exception:  # a trace is worth no request
            log.exception("no trace of a request")


def is_wanted(env: Mapping[str, str]) -> bool:
    """Tell whether the standard variables ask for traces, and in a way that is spoken here."""
    if env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    endpoint = env.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or env.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    exporter = env.get("OTEL_TRACES_EXPORTER", "").strip() or ("otlp" if endpoint else "none")
    if exporter == "none":
        return False
    protocol = env.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or env.get("OTEL_EXPORTER_OTLP_PROTOCOL") or _PROTOCOL
    if exporter != "otlp" or protocol != _PROTOCOL:
        log.warning(
            "no traces: only OTEL_TRACES_EXPORTER=otlp by %s is spoken, not %s by %s", _PROTOCOL, exporter, protocol
        )
        return False
    return True


def _make_spans(
    tracer: Tracer,
    caller: Context,
    environ: Mapping[str, Any],
    endpoint: str,
    status: int,
    started: float,
    ended: float,
) -> None:
    from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

    clock = _Clock()
    end = clock.at(ended)
    method = environ.get("REQUEST_METHOD", "")
    method = method if method in _METHODS else "_OTHER"
    trail: Trail | None = environ.get(TRAIL)
    server = tracer.start_span(
        f"{method} {endpoint}",
        context=caller,
        kind=SpanKind.SERVER,
        start_time=clock.at(started),
        attributes={
            "http.request.method": method,
            "http.response.status_code": status,
            "smartroute.endpoint": endpoint,
            "smartroute.request_id": str(environ.get("smartroute.request_id", "")),
        },
    )
    if status >= 500 or status == 0:
        server.set_status(Status(StatusCode.ERROR))
    if trail is not None and server.is_recording():
        _add_trail(tracer, server, set_span_in_context(server), trail, clock, end)
    server.end(end)


def _add_trail(tracer: Tracer, server: Span, inside: Any, trail: Trail, clock: _Clock, end: int) -> None:
    from opentelemetry.trace import SpanKind, Status, StatusCode

    server.set_attributes({"smartroute.alias": trail.alias, "smartroute.plan": trail.plan})
    admission = tracer.start_span("admission", context=inside, start_time=clock.at(trail.decided_from))
    admission.end(clock.at(trail.decided_until))
    if trail.outcome is None:
        return
    server.set_attributes(_attributes(trail.outcome))
    for attempt in orjson.loads(trail.outcome.routing or "{}").get("attempts", ()):
        upstream, _, model = attempt["route"].partition("/")
        how = attempt.get("how")
        span = tracer.start_span(
            f"upstream {upstream}",
            context=inside,
            kind=SpanKind.CLIENT,
            start_time=clock.at(trail.started, attempt["at"]),
            attributes={
                "smartroute.upstream": upstream,
                "gen_ai.request.model": model,
                "smartroute.outcome": how or "unknown",
            },
        )
        if "output" in attempt:
            span.add_event("first output", timestamp=clock.at(trail.started, attempt["output"]))
        if how not in ("completed", "left"):
            span.set_status(Status(StatusCode.ERROR, how))
        # The receipt counts whole milliseconds: rounded, an attempt could end after its request.
        span.end(min(end, clock.at(trail.started, attempt["end"])) if "end" in attempt else end)


def _attributes(outcome: Outcome) -> dict[str, str | int]:
    known: dict[str, str | int | None] = {
        "smartroute.outcome": outcome.status,
        "error.type": outcome.error_code,
        "gen_ai.usage.input_tokens": outcome.prompt_tokens,
        "gen_ai.usage.output_tokens": outcome.completion_tokens,
    }
    return {name: value for name, value in known.items() if value is not None}


class _Clock:
    """Turns times of the monotonic clock into nanoseconds of the wall's."""

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def at(self, seconds: float, milliseconds: int = 0) -> int:
        return self._offset + round(seconds * 1e9) + milliseconds * 1_000_000
