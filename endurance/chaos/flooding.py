"""One account's flood, as a process of its own: so many connections, each asks again as soon as it is answered.

``python -m endurance.chaos.flooding PORT CONNECTIONS SECONDS``, the request's bytes on standard input; prints a JSON
object: status codes and how often each, and answers a second.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from endurance.clients import Member
from tests.harness.processes import ROOT, Processes


def request_of(member: Member, text: str, *, stream: bool = False) -> bytes:
    """Return the bytes of a chat request."""
    body = json.dumps({"stream": stream, "messages": [{"role": "user", "content": text}]}).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: flood\r\n"
        f"Authorization: Bearer {member.token}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@contextmanager
def flood(processes: Processes, port: int, request: bytes, *, connections: int, seconds: float) -> Iterator[Any]:
    """Let it run for so many seconds; when the block ends, the dictionary given has its figures."""
    command = [sys.executable, "-m", "endurance.chaos.flooding", str(port), str(connections), str(seconds)]
    process = processes.start(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(request)
    process.stdin.close()
    process.stdout.readline()  # it has begun
    figures: dict[str, Any] = {}
    yield figures
    figures.update(json.loads(process.stdout.readline() or "{}"))
    processes.stop(process)


def ask_without_pause(port: int, request: bytes, connections: int, seconds: float, codes: Counter[str]) -> None:
    """Ask on each connection again as soon as it is answered; count status codes."""
    poll = select.epoll()
    answers: dict[int, tuple[socket.socket, bytearray]] = {}

    def connect() -> None:
        connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers[connection.fileno()] = (connection, bytearray())
        poll.register(connection.fileno(), select.EPOLLIN)
        connection.sendall(request)

    end = time.monotonic() + seconds
    for _ in range(connections):
        connect()
    while answers:
        for place, _ in poll.poll(60):
            connection, answer = answers[place]
            data = connection.recv(256 * 1024)
            answer += data
            if data and not _is_whole(answer):
                continue
            codes[bytes(answer[9:12]).decode() or "none"] += 1
            answer.clear()
            if data and time.monotonic() < end:
                connection.sendall(request)
                continue
            poll.unregister(place)
            connection.close()
            del answers[place]
            if time.monotonic() < end:
                connect()
    poll.close()


def _is_whole(answer: bytearray) -> bool:
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = bytes(answer[:end]).lower()
    place = head.find(b"\r\ncontent-length:")
    if place < 0:
        return answer.endswith(b"\r\n0\r\n\r\n")
    return len(answer) >= end + 4 + int(head[place + 17 :].split(b"\r\n", 1)[0])


def main() -> None:
    """Flood, and tell."""
    port, connections, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    request = sys.stdin.buffer.read()
    print("begun", flush=True)
    codes: Counter[str] = Counter()
    ask_without_pause(port, request, connections, seconds, codes)
    print(json.dumps({"codes": codes, "per_second": round(codes.total() / seconds)}))


if __name__ == "__main__":
    main()
