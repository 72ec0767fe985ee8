"""What the system tells of processes."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys

from endurance.processes import accepts


def test_process_accepts_once_it_watches_its_listening_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        port = server.getsockname()[1]
        with select.epoll() as waits:
            waits.register(other, select.EPOLLIN)
            assert not accepts(os.getpid(), port), "it listens, and looks elsewhere"
            waits.register(server, select.EPOLLIN)
            assert accepts(os.getpid(), port)
        assert not accepts(os.getpid(), port)


def test_process_that_has_gone_accepts_nothing() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.kill()
    assert not accepts(gone.pid, 80)
    gone.wait()
    assert not accepts(gone.pid, 80)
