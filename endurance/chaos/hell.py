"""Clients that mean no good, as a process of their own: thousands of connections that never come to an end.

``python -m endurance.chaos.hell PORT COUNT SECONDS TOKEN`` opens COUNT connections, a quarter of each kind: silent
ones; heads and bodies that trickle, a byte every two seconds; streams that are asked for and never read. It prints a
JSON line when all are open, and at the end another one: by kind, how many the server has hung up on.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import sys
import time

TRICKLE_S = 2.0
KINDS = ("silent", "heads", "bodies", "unread")


def beginning(kind: str, token: str) -> bytes:
    """Return what a connection of a kind begins with."""
    line = b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    known = f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n".encode()
    if kind == "heads":
        return line + b"X-Slow: "
    if kind == "bodies":
        return line + known + b'Content-Length: 5000\r\n\r\n{"messages": ['
    if kind == "unread":
        body = b'{"stream": true, "messages": [{"role": "user", "content": "[[tokens 600]] [[burst]]"}]}'
        return line + known + b"Content-Length: %d\r\n\r\n" % len(body) + body
    return b""


def opened(port: int, kind: str, token: str) -> socket.socket:
    """Return a connection of a kind."""
    connection = socket.socket()
    if kind == "unread":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", port))
    connection.sendall(beginning(kind, token))
    connection.setblocking(False)
    return connection


def is_over(connection: socket.socket, kind: str) -> bool:
    """Tell whether the server has hung up; of what is never read only a reset is seen."""
    try:
        return kind != "unread" and connection.recv(65536, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def main() -> None:
    """Open, trickle, tell."""
    port, count, seconds, token = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    living = []
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        living.append((kind, opened(port, kind, token), time.monotonic()))
        if number % 50 == 49:
            time.sleep(0.02)  # the accept queue is 2,048 long
    print(json.dumps({"open": len(living)}), flush=True)
    end = time.monotonic() + seconds
    hung_up = dict.fromkeys(KINDS, 0)
    latest = dict.fromkeys(KINDS, 0.0)
    while time.monotonic() < end:
        select.select([], [], [], TRICKLE_S / 4)
        still = []
        for kind, connection, since in living:
            if is_over(connection, kind):
                hung_up[kind] += 1
                latest[kind] = max(latest[kind], time.monotonic() - since)
                connection.close()
                continue
            if kind in ("heads", "bodies") and int(time.monotonic() * 4) % int(TRICKLE_S * 4) == 0:
                with contextlib.suppress(OSError):  # seen at the next look
                    connection.send(b" ")
            still.append((kind, connection, since))
        living = still
    for _, connection, _ in living:
        connection.close()
    print(json.dumps({"hung_up": hung_up, "latest_s": latest}), flush=True)


if __name__ == "__main__":
    main()
