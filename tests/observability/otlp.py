"""A receiver of traces: OTLP over HTTP, as a collector takes them."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Receiver:
    """Listens on a loopback port; holds every span that came, and the attributes of who sent them."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resource: dict[str, str] = {}
        self.bytes = b""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the library's own name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, path: str, body: bytes) -> None:
        """Decode one export."""
        assert path == "/v1/traces", path
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resource = attributes(sent.resource.attributes)
            self.spans += [span for scope in sent.scope_spans for span in scope.spans]
        self.bytes += body

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()


def attributes(pairs: list[KeyValue]) -> dict[str, str]:
    """Attributes as text."""
    return {pair.key: pair.value.string_value or str(pair.value.int_value) for pair in pairs}
