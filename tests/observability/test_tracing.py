"""Traces, as a collector receives them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
import requests
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from service.metrics.tracing import Tracing, is_wanted
from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import ROOT, clean_environment, free_port, wait_until
from tests.observability.conftest import CONFIG
from tests.observability.otlp import Receiver, attributes

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Where the traces go."""
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def traced(module_gateway_factory: Callable[..., Gateway], demo: Demo, receiver: Receiver) -> Gateway:
    """A gateway that exports at once."""
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_SERVICE_NAME": "gateway-under-test",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    config = CONFIG.format(demo=demo.base_url, closed=free_port())
    return module_gateway_factory("sqlite", workers=1, config=config, env=env)


def spans_of(receiver: Receiver, trace: str, count: int) -> list[Span]:
    """Wait for the spans of a trace; give them by their beginning."""

    def found() -> list[Span]:
        return [span for span in receiver.spans if span.trace_id.hex() == trace]

    wait_until(f"{count} spans", lambda: len(found()) >= count)
    return sorted(found(), key=lambda span: (span.start_time_unix_nano, -span.end_time_unix_nano))


def test_trace_shows_request_admission_and_each_attempt(traced: Gateway, receiver: Receiver) -> None:
    token = traced.account()["token"]
    answer = requests.post(
        f"{traced.api}/chat/completions",
        json={
            "model": "second",
            "stream": True,
            "messages": [{"role": "user", "content": "a-private-word [[pace 5]]"}],
        },
        headers={
            "Authorization": f"Bearer {token}",
            "traceparent": f"00-{TRACE}-{PARENT}-01",
            "tracestate": "private=1",
        },
        timeout=20,
    )
    assert answer.status_code == 200
    spans = spans_of(receiver, TRACE, 4)
    server, admission, failed, good = spans
    assert (server.name, server.kind, server.parent_span_id.hex()) == (
        "POST chat/completions", Span.SPAN_KIND_SERVER, PARENT,
    )  # fmt: skip
    told = attributes(list(server.attributes))
    assert told["smartroute.request_id"] == answer.headers["x-request-id"]
    assert (told["smartroute.alias"], told["smartroute.plan"], told["smartroute.outcome"]) == (
        "second",
        "free",
        "completed",
    )
    assert told["http.response.status_code"] == "200"
    assert int(told["gen_ai.usage.output_tokens"]) > 0
    assert admission.name == "admission"
    assert (failed.name, failed.kind, failed.status.code) == (
        "upstream gone", Span.SPAN_KIND_CLIENT, Status.STATUS_CODE_ERROR,
    )  # fmt: skip
    assert failed.status.message == "upstream_unavailable"
    assert not failed.events
    assert attributes(list(good.attributes))["gen_ai.request.model"] == "spare"
    [first] = good.events
    assert first.name == "first output"
    assert good.start_time_unix_nano <= first.time_unix_nano <= good.end_time_unix_nano
    for child in (admission, failed, good):
        assert child.parent_span_id == server.span_id
        assert server.start_time_unix_nano - 2_000_000 <= child.start_time_unix_nano <= child.end_time_unix_nano
        assert child.end_time_unix_nano <= server.end_time_unix_nano + 2_000_000
    assert receiver.resource["service.name"] == "gateway-under-test"


def test_span_of_a_request_is_where_the_request_was_however_late_it_is_made(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    tracing = Tracing(os.environ)
    tracing.start()
    now, clock = time.monotonic(), time.time()
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/v1/models", "HTTP_TRACEPARENT": f"00-{'8' * 32}-{PARENT}-01"}
    tracing.request_ended(environ, 200, now - 60, now - 58)
    tracing.stop()
    [span] = spans_of(receiver, "8" * 32, 1)
    assert span.start_time_unix_nano / 1e9 == pytest.approx(clock - 60, abs=1)
    assert span.end_time_unix_nano / 1e9 == pytest.approx(clock - 58, abs=1)


def test_refused_request_has_a_trace_of_its_own_and_probes_have_none(traced: Gateway, receiver: Receiver) -> None:
    before = len(receiver.spans)
    requests.get(f"{traced.url}/healthz", timeout=10)
    requests.get(f"{traced.url}/metrics", timeout=10)
    headers = {"traceparent": "no such thing"}
    assert requests.post(f"{traced.api}/responses", json={}, headers=headers, timeout=10).status_code == 401
    wait_until("a span", lambda: len(receiver.spans) > before)
    [span] = receiver.spans[before:]
    assert span.name == "POST responses"
    assert not span.parent_span_id
    assert attributes(list(span.attributes))["http.response.status_code"] == "401"


def test_client_that_wants_no_trace_gets_none(traced: Gateway, receiver: Receiver) -> None:
    unsampled = "5" * 32
    headers = {"traceparent": f"00-{unsampled}-{PARENT}-00"}
    requests.get(f"{traced.api}/models", headers=headers, timeout=10)
    requests.get(f"{traced.api}/models", headers={"traceparent": f"00-{'6' * 32}-{PARENT}-01"}, timeout=10)
    spans_of(receiver, "6" * 32, 1)
    assert not [span for span in receiver.spans if span.trace_id.hex() == unsampled]


def test_traces_hold_no_content_no_token_and_no_address(traced: Gateway, receiver: Receiver) -> None:
    token = traced.account("private@example.org")["token"]
    text = [{"role": "user", "content": "a-private-word"}]
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "a-private-client"}
    answer = requests.post(f"{traced.api}/chat/completions", json={"messages": text}, headers=headers, timeout=20)
    request_id = answer.headers["x-request-id"]
    requests.get(f"{traced.url}/reset/a-private-link?and=a-private-query", timeout=10)
    wait_until("the trace", lambda: request_id.encode() in receiver.bytes)
    wait_until("the page's", lambda: any(span.name == "GET page" for span in receiver.spans))
    for secret in (token, "private", "demo-key", "127.0.0.1"):
        assert secret.encode() not in receiver.bytes


def test_worker_that_ends_exports_what_is_left(gateway_factory: Callable[..., Gateway], receiver: Receiver) -> None:
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "60000"}
    gateway = gateway_factory("sqlite", env=env)
    requests.get(f"{gateway.api}/models", headers={"traceparent": f"00-{'7' * 32}-{PARENT}-01"}, timeout=10)
    gateway.stop()
    spans_of(receiver, "7" * 32, 1)
    assert receiver.resource["service.name"] == "smart-route"


@pytest.mark.parametrize(
    ("env", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
    ],
)
def test_standard_variables_decide(env: dict[str, str], wanted: bool) -> None:
    assert is_wanted(env) is wanted


def test_without_the_variables_nothing_of_it_is_loaded(tmp_path: object) -> None:
    program = (
        "import sys; from app import create_app; create_app(); "
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google.protobuf', 'prometheus'))])"
    )
    env = clean_environment({"DATABASE_URL": f"sqlite:///{tmp_path}/a.db", "SECRET_KEY": "x" * 40})
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
