"""A server that answers each request as its address says: ``/<what it does>/<who asks>/v1/…``."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.faults.wire import Closed, Wire

Act = Callable[[Wire], None]
"""Answers one request, or does not. ``Closed`` leaves it where the connection is over."""


class FaultServer:
    """Listens on one port until ``close``; ``die`` resets everything and ``revive`` listens on the same port again."""

    def __init__(self, acts: Mapping[str, Act]) -> None:
        self._acts = acts
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._seen: dict[str, threading.Event] = defaultdict(threading.Event)
        self.requests = 0
        """That were read whole."""
        self.port = 0
        self.revive()

    def base_url(self, act: str, who: str) -> str:
        """The address to configure."""
        return f"http://127.0.0.1:{self.port}/{act}/{who}/v1"

    def seen(self, who: str) -> threading.Event:
        """What the client of ``who`` sets as soon as it has read output."""
        with self._lock:
            return self._seen[who]

    def revive(self) -> None:
        """Listen (again)."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def die(self) -> None:
        """Refuse connections from now on, and reset those that are open."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for client in self._open:
                with contextlib.suppress(OSError):
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    client.shutdown(socket.SHUT_RD)  # wakes its thread, which closes it: with RST

    def close(self) -> None:
        """End for good."""
        self.die()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with contextlib.suppress(Closed, OSError):
                while (request := _read_request(client)) is not None:
                    path, asked = request
                    self.requests += 1
                    act, who = path.split("/")[1:3]
                    self._acts[act](Wire(client, path, asked, self.seen(who)))
        finally:
            with self._lock:
                self._open.discard(client)
            client.close()


def _read_request(client: socket.socket) -> tuple[str, dict[str, Any]] | None:
    """Read one request with a length; give its path and its JSON body, or None where the connection ended."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = client.recv(65_536)
        if not piece:
            return None
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    while len(body) < int(headers["content-length"]):
        piece = client.recv(65_536)
        if not piece:
            return None
        body += piece
    return lines[0].split(" ")[1], json.loads(body)


@contextlib.contextmanager
def fault_server(acts: Mapping[str, Act]) -> Iterator[FaultServer]:
    """Listen for the time of a block."""
    server = FaultServer(acts)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def blackhole() -> Iterator[int]:
    """Give a port on which connecting takes for ever: its queue is full, and nobody takes from it."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port
