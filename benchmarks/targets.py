"""A server under load: where it listens, what it wants to be asked, and the processes whose cost is its cost."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

import psutil

ALIAS = "smart-route-infinite"
DIRECT, NGINX, GATEWAY, LITELLM, PORTKEY = "direct", "nginx", "Smart Route", "LiteLLM", "Portkey"
PEERS = (LITELLM, PORTKEY)


@dataclass(frozen=True, slots=True)
class Target:
    """One server of a run."""

    name: str
    port: int
    pids: tuple[int, ...]
    alias: str | None
    """The only model name that its answers may hold; None: the upstream's own."""
    headers: tuple[tuple[str, str], ...] = ()
    """Sent with each request, beside those that HTTP wants."""
    model: str = ALIAS
    """What is asked for."""
    apart: Target | None = None
    """A second server, whose processes are among ``pids``: it has half of the connections."""

    @property
    def is_peer(self) -> bool:
        """Whether its wrong answers are noted, and do not make the run void."""
        return self.name in PEERS

    def cpu_s(self) -> float:
        """CPU seconds that its processes have used so far, to the nanosecond; /proc/PID/stat has ticks of 10 ms."""
        return sum(cpu_s_of(pid) for pid in self.pids)

    def pss_mb(self) -> float:
        """Memory of its processes, what they share counted once."""
        return sum(int(psutil.Process(pid).memory_full_info().pss) for pid in self.pids) / 1e6


def bearer(token: str) -> tuple[str, str]:
    """Return the header that authenticates."""
    return "Authorization", f"Bearer {token}"


def cpu_s_of(pid: int) -> float:
    """CPU seconds of all threads of a process, ended ones too.

    The clock's id is what clock_getcpuclockid(3) computes; Python has no name for it.
    """
    return time.clock_gettime((~pid << 3) | 2)


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def with_children(pid: int) -> tuple[int, ...]:
    """Return a process and all below it."""
    return (pid, *(child.pid for child in psutil.Process(pid).children(recursive=True)))
