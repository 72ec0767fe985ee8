"""Many requests at the same moment, from one thread: plain sockets under asyncio."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Answer:
    """What came back: status 0 is a connection that ended before one. ``is_whole`` tells a proper end."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_whole: bool = False

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def has_output(self) -> bool:
        """Whether content of a stream has arrived."""
        return b'"content":"' in self.body.replace(b'"content":""', b"").replace(b'"content": "', b'"content":"')


class Crowd:
    """Requests under way; all of them belong to one event loop, which runs while somebody waits for it."""

    def __init__(self, api: str, token: str) -> None:
        self._address = urlsplit(api)
        self._token = token
        self._loop = asyncio.new_event_loop()
        self._tasks: list[asyncio.Task[None]] = []
        self.answers: list[Answer] = []

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *exception: object) -> None:
        self.leave()
        self._loop.close()

    def send(self, prompts: Sequence[tuple[str, bool]]) -> None:
        """Begin a chat for each (prompt, streamed or not), each on a connection of its own."""
        for prompt, stream in prompts:
            answer = Answer()
            self.answers.append(answer)
            self._tasks.append(self._loop.create_task(self._chat(prompt, stream, answer)))

    def wait(self, seconds: float) -> None:
        """Let the requests go on, at most for so long; returns early when all have ended."""
        if self._tasks:
            self._loop.run_until_complete(asyncio.wait(self._tasks, timeout=seconds))

    def go_on(self) -> bool:
        """Let the requests go on for a moment; true, so that it fits into a condition."""
        self.wait(0.05)
        return True

    @property
    def running(self) -> list[Answer]:
        """Answers whose connections are still open."""
        return [answer for answer, task in zip(self.answers, self._tasks, strict=True) if not task.done()]

    def leave(self) -> None:
        """Close every connection."""
        for task in self._tasks:
            task.cancel()
        self.wait(5)
        self._loop.run_until_complete(asyncio.sleep(0))
        self._tasks.clear()

    async def _chat(self, prompt: str, stream: bool, answer: Answer) -> None:
        body = json.dumps({"messages": [{"role": "user", "content": prompt}], "stream": stream}).encode()
        head = (
            f"POST {self._address.path}/chat/completions HTTP/1.1\r\nHost: {self._address.netloc}\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        try:
            reader, writer = await asyncio.open_connection(self._address.hostname, self._address.port)
        except OSError:
            return
        try:
            writer.write(head.encode() + body)
            status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            answer.headers = dict(line.lower().split(": ", 1) for line in lines)
            answer.status = int(status_line.split()[1])
            while piece := await reader.read(65_536):
                answer.body += piece
            answer.is_whole = answer.body.endswith(b"0\r\n\r\n") or "content-length" in answer.headers
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()
