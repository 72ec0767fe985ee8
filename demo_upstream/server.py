"""The demo upstream as a WSGI application and its server: which path gets which answer."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

import gevent.socket
import orjson
from gevent.pywsgi import WSGIServer

from demo_upstream import chat, responses
from demo_upstream.answer import Answer, compose
from demo_upstream.connection import Connection
from demo_upstream.conversation import BadRequest, Conversation, read
from demo_upstream.delivery import Delivery
from demo_upstream.failures import bad_request_body, failure_body, stream_error_payload
from demo_upstream.journal import Journal
from demo_upstream.script import Script
from demo_upstream.triggers import TriggerError, parse
from demo_upstream.wire import ClientGone, Wire

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]
GENERATIONS = {"/v1/chat/completions": "chat", "/v1/responses": "responses"}
BACKLOG = 4096  # connections that may wait to be accepted
_JSON = "application/json"
_REMEMBERED = 16 * 1024  # bytes; longer request bodies are parsed each time
_MODELS = {
    "object": "list",
    "data": [
        {"id": name, "object": "model", "created": 1, "owned_by": "demo-backend"}
        for name in ("demo-model", "demo-model-large")
    ],
}


class DemoApp:
    """The WSGI application. Generations are written to ``demo.wire`` directly; the rest is plain WSGI."""

    def __init__(self, log: bool = False) -> None:
        self.journal = Journal(log)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        protocol = GENERATIONS.get(path)
        if protocol is not None and method == "POST":
            self._generate(protocol, environ)
            return ()
        status, value = self._look_up(method, path)
        start_response(status, [("Content-Type", _JSON), ("Server", "demo-backend/7.1")])
        return (orjson.dumps(value),)

    def _look_up(self, method: str, path: str) -> tuple[str, Any]:
        match method, path:
            case "GET", "/v1/models":
                return "200 OK", _MODELS
            case "GET", "/_demo/requests":
                return "200 OK", self.journal.requests()
            case "DELETE", "/_demo/requests":
                self.journal.clear()
                return "200 OK", {"cleared": True}
            case "GET", "/_demo/open":
                return "200 OK", {"open": self.journal.open, "total": self.journal.total}
        text = f"Invalid URL ({method} {path})"
        error = {"message": text, "type": "invalid_request_error", "param": None, "code": "unknown_url"}
        if path in GENERATIONS or path == "/v1/models":
            return "405 Method Not Allowed", {"error": {**error, "code": "method_not_supported"}}
        return "404 Not Found", {"error": error}

    def _generate(self, protocol: str, environ: Environ) -> None:
        wire: Wire = environ["demo.wire"]
        headers: list[tuple[str, str]] = environ["demo.headers"]
        raw: bytes = environ["wsgi.input"].read()
        entry = self.journal.begin("POST", environ["PATH_INFO"], headers, raw)
        outcome = "cut"
        try:
            _answer(protocol, raw, [name.lower() for name, _ in headers], wire)
            outcome = "complete"
        except ClientGone:
            outcome = "client_gone"
            raise
        finally:
            self.journal.end(entry, outcome, wire.events)


def make_server(port: int = 0, host: str = "127.0.0.1", *, log: bool = False) -> WSGIServer:
    """A server that is bound and not yet serving; port 0 takes a free one (``server.server_port``)."""
    listener = gevent.socket.socket()
    listener.setsockopt(gevent.socket.SOL_SOCKET, gevent.socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    # SERVER_NAME is given, lest the server asks a name service for it.
    environ = {"SERVER_NAME": host}
    return WSGIServer(listener, DemoApp(log), handler_class=Connection, log=None, environ=environ)


def _answer(protocol: str, raw: bytes, header_names: list[str], wire: Wire) -> None:
    try:
        conversation, script = (_remembered if len(raw) <= _REMEMBERED else _understood)(protocol, raw)
    except BadRequest as exc:
        Delivery(wire, Script()).whole(400, _JSON, bad_request_body(exc))
        return
    delivery = Delivery(wire, script)
    mark = script.body
    if script.status is not None or (mark is not None and mark not in ("truncated", "no-choices", "json")):
        status = script.status or 200
        delivery.whole(status, *failure_body(script, status))
        return
    answer = compose(conversation, script, header_names)
    if not conversation.stream or mark is not None:
        delivery.whole(200, _JSON, _whole_body(conversation, script, answer))
    elif protocol == "chat":
        chunks = (("", payload) for payload in chat.chunks(conversation, script, answer))
        delivery.stream(chunks, lambda form: _chat_failure(script, form), done=True)
    else:
        events = responses.EventStream(conversation, script, answer)
        delivery.stream(iter(events), events.failure, done=False)


def _whole_body(conversation: Conversation, script: Script, answer: Answer) -> bytes:
    module = chat if conversation.protocol == "chat" else responses
    whole = module.whole(conversation, script, answer)
    if script.body == "no-choices":
        whole["choices" if conversation.protocol == "chat" else "output"] = []
    body = orjson.dumps(whole)
    return body[: len(body) // 2] if script.body == "truncated" else body


def _chat_failure(script: Script, form: str) -> Iterator[tuple[str, bytes]]:
    yield "", stream_error_payload(script, form)


def _understood(protocol: str, raw: bytes) -> tuple[Conversation, Script]:
    conversation = read(protocol, raw)
    try:
        return conversation, parse(conversation.text, conversation.model)
    except TriggerError as exc:
        raise BadRequest(f"demo upstream: {exc}", "messages", "bad_trigger_word") from exc


_remembered = lru_cache(maxsize=64)(_understood)
