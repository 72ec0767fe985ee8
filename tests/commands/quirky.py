"""Upstreams that are right but for one thing, which the first part of their address names: ``/no-tools/v1``."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.faults.backend import Backend, chat_backend, native_backend

KEY = "sk-east-4711-never-shown"
MODELS: list[dict[str, Any]] = [
    {"id": "qwen3:8b", "max_model_len": 8192},
    {"id": "qwen3:14b", "max_model_len": 16384},
    {"id": "llama-3.3-70b"},
]
SLOW_S = 5.0


class Quirky(BaseHTTPRequestHandler):
    """One request to one of the upstreams."""

    protocol_version = "HTTP/1.1"
    server: QuirkyServer

    def do_GET(self) -> None:
        """Answer with the list of models."""
        quirk, rest = self._place()
        if rest != "/v1/models" or quirk in ("no-list", "nothing"):
            self._refuse(404, "no such page")
        elif quirk == "refused-key":
            self._refuse(401, "who are you")
        else:
            self._send(200, "application/json", json.dumps({"object": "list", "data": MODELS}))

    def do_POST(self) -> None:
        """Answer a generation, rightly but for the quirk."""
        quirk, rest = self._place()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked[quirk] += 1
        backend = {"/v1/chat/completions": chat_backend, "/v1/responses": native_backend}.get(rest)
        missing = {"nothing": backend, "only-chat": native_backend, "only-responses": chat_backend}
        if backend is None or missing.get(quirk) is backend:
            self._refuse(404, "no such page")
        elif (refusal := _refusal(quirk, body, self.headers.get("Authorization", ""))) is not None:
            self._refuse(*refusal)
        elif quirk == "compressed":
            self._send(200, "text/event-stream", "whatever it is", **{"Content-Encoding": "br"})
        elif quirk == "page":
            self._send(200, "text/html", "<h1>Welcome</h1>")
        else:
            if quirk == "slow":
                time.sleep(SLOW_S)
            self._answer(quirk, backend, body)

    def _answer(self, quirk: str, backend: Backend, body: dict[str, Any]) -> None:
        if body.get("stream") and quirk != "whole":
            events = [*backend.opening, *backend.output("ok"), *backend.ending("ok")]
            stream = b"".join(map(backend.event, events)) + backend.terminator
            self._send(200, "text/event-stream", stream.decode())
            return
        wants_json = "response_format" in body or "text" in body
        told: dict[str, Any] = backend.whole('{"ok": true}' if wants_json and quirk != "prose" else "ok")
        if body.get("tools") and quirk != "no-call" and backend is chat_backend:
            call = {"id": "c", "type": "function", "function": {"name": "report", "arguments": "{}"}}
            told["choices"][0] |= {
                "message": {"role": "assistant", "content": None, "tool_calls": [call]},
                "finish_reason": "tool_calls",
            }
        self._send(200, "application/json", json.dumps(told))

    def _place(self) -> tuple[str, str]:
        _, quirk, rest = self.path.split("/", 2)
        return quirk, f"/{rest}"

    def _refuse(self, status: int, message: str) -> None:
        self._send(status, "application/json", json.dumps({"error": {"message": message}}))

    def _send(self, status: int, kind: str, text: str, **more: str) -> None:
        raw = text.encode()
        with contextlib.suppress(OSError):  # whoever asked may have left
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(raw)))
            for name, value in more.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


def _refusal(quirk: str, body: dict[str, Any], authorization: str) -> tuple[int, str] | None:
    """What an upstream with this quirk does not take."""
    has_effort = "reasoning_effort" in body or "reasoning" in body
    if quirk == "refused-key" or (quirk == "wants-key" and not authorization):
        return 401, f"invalid key: {authorization}"
    if body["model"] not in [model["id"] for model in MODELS]:
        return 404, f"model {body['model']} not found"
    if quirk == "busy":
        return 429, "slow down"
    if quirk == "newer-limit" and "max_tokens" in body:
        return 400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    if quirk == "no-tools" and body.get("tools"):
        return 400, "this model does not support tools"
    if quirk == "no-effort" and has_effort:
        return 400, "unknown field reasoning_effort"
    if quirk == "no-json" and "response_format" in body:
        return 400, "response_format is not supported"
    return None


class QuirkyServer(ThreadingHTTPServer):
    """Listens on one port for all of them; ``asked`` counts the generations by quirk."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Quirky)
        self.asked: Counter[str] = Counter()

    def base_url(self, quirk: str) -> str:
        """The address to configure."""
        return f"http://127.0.0.1:{self.server_port}/{quirk}/v1"


@contextlib.contextmanager
def quirky_server() -> Iterator[QuirkyServer]:
    """Listen for the time of a block."""
    server = QuirkyServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
