"""A way to a database server on which connections break: before, within or behind a message, or its answer."""

from __future__ import annotations

import random
import socket
import threading
from contextlib import suppress


class BreakingProxy:
    """Passes connections on to a port of this machine; ``share`` of what passes breaks its connection."""

    def __init__(self, port: int, seed: int) -> None:
        self.share = 0.0
        self.broken = 0
        self._target = port
        self._chance = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                for one, other in ((client, server), (server, client)):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self._chance.random() < self.share:
                    self.broken += 1
                    target.sendall(data[: self._chance.choice([0, len(data) // 2, len(data)])])
                    break
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        source.close()  # each direction closes the one that it reads from
