"""A raw HTTP client that sees each chunk, and what the tests of the demo upstream share."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from openai import OpenAI

from tests.harness.demo import Demo

Ask = Callable[..., "Reply"]


@dataclass
class Reply:
    """One raw answer, read until the server closed or the client had enough."""

    head: str = ""
    parts: list[bytes] = field(default_factory=list)  # chunks as sent; one part if the body is not chunked
    ended: bool = False  # the body ended as its head promised
    reset: bool = False
    first_s: float = 0.0  # until the head
    body_s: float = 0.0  # until the first byte of the body
    took_s: float = 0.0

    @property
    def status(self) -> int:
        return int(self.head.split(" ")[1])

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    def header(self, name: str) -> str | None:
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None

    @property
    def payloads(self) -> list[str]:
        """The data of plainly framed events, ``[DONE]`` too."""
        events = self.body.decode().split("\n\n")
        lines = [line for event in events for line in event.split("\n") if line.startswith("data: ")]
        return [line.removeprefix("data: ") for line in lines]

    @property
    def chunks(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in self.payloads if payload != "[DONE]"]

    @property
    def deltas(self) -> list[dict[str, Any]]:
        return [choice["delta"] for chunk in self.chunks for choice in chunk["choices"]]

    @property
    def text(self) -> str:
        return "".join(delta.get("content") or "" for delta in self.deltas)

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [call for delta in self.deltas for call in delta.get("tool_calls", [])]


def talk(origin: str, path: str, body: bytes, enough: int = 10**9) -> Reply:
    """POST ``body`` and read to the end, or leave after ``enough`` bytes."""
    host, _, port = origin.removeprefix("http://").partition(":")
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    reply, raw, started = Reply(), b"", time.monotonic()
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(head.encode() + body)
        try:
            while len(raw) < enough and (data := sock.recv(65536)):
                now = time.monotonic() - started
                reply.first_s = reply.first_s or now
                raw += data
                if not reply.body_s and raw.partition(b"\r\n\r\n")[2]:
                    reply.body_s = now
        except ConnectionResetError:
            reply.reset = True
    reply.took_s = time.monotonic() - started
    if raw:
        first, _, rest = raw.partition(b"\r\n\r\n")
        reply.head = first.decode("latin-1")
        _fill(reply, rest)
    return reply


def _fill(reply: Reply, rest: bytes) -> None:
    if reply.header("transfer-encoding") != "chunked":
        reply.parts = [rest]
        length = reply.header("content-length")
        reply.ended = not reply.reset and (length is None or int(length) == len(rest))
        return
    while rest:
        size_line, _, rest = rest.partition(b"\r\n")
        size = int(size_line, 16)
        if size == 0:
            reply.ended = True
            return
        reply.parts.append(rest[:size])
        rest = rest[size + 2 :]


@pytest.fixture
def ask(demo: Demo) -> Ask:
    """``ask("[[tokens 5]]")`` streams a chat; other keys go into the body, and may replace it."""

    def send(text: str = "", *, enough: int = 10**9, stream: bool = True, **keys: Any) -> Reply:
        messages = [{"role": "user", "content": text}]
        body = {"model": "demo-model", "messages": messages, "stream": stream, **keys}
        return talk(demo.origin, "/v1/chat/completions", json.dumps(body).encode(), enough)

    return send


@pytest.fixture
def ask_responses(demo: Demo) -> Ask:
    """The same for the Responses API."""

    def send(text: str = "", *, enough: int = 10**9, stream: bool = True, **keys: Any) -> Reply:
        body = {"model": "demo-model", "input": text, "stream": stream, **keys}
        return talk(demo.origin, "/v1/responses", json.dumps(body).encode(), enough)

    return send


@pytest.fixture
def journal(demo: Demo) -> Callable[[], list[dict[str, Any]]]:
    """The demo upstream's list of requests, cleared before the test."""
    requests.delete(demo.origin + "/_demo/requests", timeout=5).raise_for_status()
    return demo.requests


@pytest.fixture
def sdk(demo: Demo) -> Iterator[OpenAI]:
    """The official SDK, strict about the shapes it gets, without retries."""
    with OpenAI(base_url=demo.base_url, api_key="any", max_retries=0, _strict_response_validation=True) as client:
        yield client
