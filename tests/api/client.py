"""Asking a running gateway over HTTP, and reading what it wrote into the usage log."""

from __future__ import annotations

import json
import re
import socket
import time
from dataclasses import dataclass, field
from typing import Any

import requests
import sqlalchemy as sa

from tests.harness.gateway import Gateway
from tests.harness.processes import wait_until

# What the demo upstream puts into its headers, ids, errors and fingerprints so that a leak can be seen.
TELL_TALE = re.compile(r"demo|backend|fp_|10\.0\.0\.7|uvicorn|x-groq", re.IGNORECASE)
DONE = b"data: [DONE]\n\n"


@dataclass
class Streamed:
    """A streamed answer, read to its end."""

    http_response: requests.Response
    body: bytes
    pieces: list[tuple[float, bytes]] = field(default_factory=list)  # seconds since the request, bytes

    @property
    def status(self) -> int:
        return self.http_response.status_code

    @property
    def request_id(self) -> str:
        return self.http_response.headers["x-request-id"]

    @property
    def events(self) -> list[str]:
        """The data of every event, ``[DONE]`` too; comments are not events."""
        blocks = self.body.decode().split("\n\n")
        return [block.removeprefix("data: ") for block in blocks if block and not block.startswith(":")]

    @property
    def chunks(self) -> list[dict[str, Any]]:
        return [json.loads(event) for event in self.events if event != "[DONE]"]

    @property
    def text(self) -> str:
        choices = [choice for chunk in self.chunks for choice in chunk.get("choices", [])]
        return "".join(choice["delta"].get("content") or "" for choice in choices)

    @property
    def finish(self) -> str | None:
        reasons = [choice["finish_reason"] for chunk in self.chunks for choice in chunk.get("choices", [])]
        return reasons[-1] if reasons else None

    @property
    def error(self) -> dict[str, Any] | None:
        """The error that ended the stream."""
        found: dict[str, Any] | None = self.chunks[-1].get("error") if self.chunks else None
        return found


class Api:
    """One account's way to one gateway."""

    def __init__(self, gateway: Gateway, token: str) -> None:
        self.gateway = gateway
        self.token = token
        self.url = gateway.api
        self.session = requests.Session()
        gateway.at_stop(self.session.close)
        self.session.headers["Authorization"] = f"Bearer {token}"
        self._engine = sa.create_engine(gateway.database_url, poolclass=sa.NullPool)

    def chat(self, words: str, *, timeout: float = 10, **fields: Any) -> requests.Response:
        """Send one user message."""
        body = {"messages": [{"role": "user", "content": words}], **fields}
        return self.session.post(f"{self.url}/chat/completions", json=body, timeout=timeout)

    def stream(self, words: str, *, timeout: float = 20, **fields: Any) -> Streamed:
        """Send one user message and read the stream, noting when each piece came."""
        body = {"messages": [{"role": "user", "content": words}], "stream": True, **fields}
        started = time.monotonic()
        with self.session.post(
            f"{self.url}/chat/completions", json=body, timeout=timeout, stream=True
        ) as http_response:
            pieces = [
                (time.monotonic() - started, bytes(piece)) for piece in http_response.iter_content(chunk_size=None)
            ]
        http_response._content = b"".join(piece for _, piece in pieces)  # for whoever asks it for text or JSON
        return Streamed(http_response, b"".join(piece for _, piece in pieces), pieces)

    def post_raw(self, body: bytes, **headers: str) -> requests.Response:
        """Send any bytes as the body of a chat request."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.post(
            f"{self.url}/chat/completions",
            data=body,
            headers={"Content-Type": "application/json", **named},
            timeout=20,
        )

    def raw(self, words: str, *, more: bytes = b"", stream: bool = True) -> socket.socket:
        """Send a request on a socket of one's own; ``more`` goes out right behind it."""
        body = json.dumps({"messages": [{"role": "user", "content": words}], "stream": stream}).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        client = socket.create_connection(("127.0.0.1", self.gateway.port), timeout=20)
        client.sendall(head.encode() + body + more)
        return client

    def row(self, request_id: str) -> dict[str, Any]:
        """The usage-log row of a request; fails when there is none."""
        [row] = self.rows(request_id=request_id)
        return row

    def closed_row(self, request_id: str) -> dict[str, Any]:
        """The row, once it is closed."""
        return (
            wait_until(
                "the row is closed",
                lambda: next((row for row in self.rows(request_id=request_id) if row["owner_id"] is None), None),
                timeout_s=5,
            )
            or {}
        )

    def rows(self, **where: Any) -> list[dict[str, Any]]:
        """Rows of the usage log, oldest first."""
        conditions = " AND ".join(f"{name} = :{name}" for name in where) or "1 = 1"
        query = sa.text(f"SELECT * FROM usage_log WHERE {conditions} ORDER BY id")  # noqa: S608
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query, where).mappings()]

    def newest_row(self) -> dict[str, Any]:
        """The last row of this gateway."""
        return self.rows()[-1]


def error_of(http_response: requests.Response) -> dict[str, Any]:
    """The error of an answer, after checking that its shape is OpenAI's and that it tells no backend."""
    assert http_response.headers["Content-Type"] == "application/json"
    assert http_response.headers["x-request-id"].startswith("req_")
    error: dict[str, Any] = http_response.json()["error"]
    assert {"message", "type", "param", "code"} <= error.keys()
    assert_tells_nothing(http_response)
    return error


def assert_tells_nothing(http_response: requests.Response) -> None:
    """No word of the demo upstream stands in the headers or in the body."""
    shown = "\n".join(f"{name}: {value}" for name, value in http_response.headers.items())
    found = TELL_TALE.findall(shown + http_response.text)
    assert not found, f"{found} in {shown}\n{http_response.text}"
