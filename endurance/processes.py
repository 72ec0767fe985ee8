"""What the system tells of the gateway's processes: memory, file descriptors, connections, threads, greenlets."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.harness.processes import clean_environment

OBSERVER = Path(__file__).with_name("observer")
ASK_CENSUS = signal.SIGRTMIN + 5  # as in observer/sitecustomize.py
CENSUS_S = 3.0
# Of each thread one: threads come and go with the work that is handed to them.
OF_THREADS = ("Hub", "greenlet", "_WorkerGreenlet")
LISTENING, TIME_WAIT = "0A", "06"  # of /proc/net/tcp
_WATCHED = re.compile(r"^tfd:\s*(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Look:
    """One process at one moment."""

    pid: int
    pss_mb: float
    rss_mb: float
    cpu_s: float
    waited_s: float
    """How long its main thread was ready to run, and no core was free."""
    fds: int
    threads: int
    clients: int
    """Connections of clients."""
    upstreams: int
    """Connections to upstreams, in use and kept."""
    databases: int
    """Descriptors of the database: files of SQLite, or connections to a server."""

    @property
    def own_fds(self) -> int:
        """Descriptors that are none of these connections: they have no reason to change."""
        return self.fds - self.clients - self.upstreams - self.databases

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


@dataclass(slots=True)
class Places:
    """Which ports and files are whose."""

    gateway: int
    upstreams: Sequence[int]
    database_port: int | None = None
    database_file: str | None = None
    folder: Path = field(default_factory=Path)
    """Where the processes under a run leave their census."""

    def environment(self) -> dict[str, str]:
        """Return the variables that have the gateway's processes count their greenlets."""
        known = clean_environment({}).get("PYTHONPATH")
        return {
            "PYTHONPATH": os.pathsep.join([str(OBSERVER), *([known] if known else [])]),
            "ENDURANCE_CENSUS": str(self.folder),
        }


def look_at(pid: int, places: Places) -> Look:
    """Look at a process.

    Raises:
        psutil.NoSuchProcess: it has gone.
    """
    process = psutil.Process(pid)
    memory = process.memory_full_info()
    held = _held(pid)
    known = _connections()
    connections = [known[name] for name in held if name in known]
    remote = [port for _, port in connections]
    files = 0 if places.database_file is None else sum(name.startswith(places.database_file) for name in held)
    return Look(
        pid=pid,
        pss_mb=round(memory.pss / 1e6, 2),
        rss_mb=round(memory.rss / 1e6, 2),
        cpu_s=sum(process.cpu_times()[:2]),
        waited_s=int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9,
        fds=len(held),
        threads=process.num_threads(),
        clients=sum(port == places.gateway for port, _ in connections),
        upstreams=sum(port in places.upstreams for port in remote),
        databases=remote.count(places.database_port or -1) + files,
    )


def accepts(pid: int, port: int) -> bool:
    """Tell whether a process waits for connections to a port: a worker that still loads holds the socket all the same.

    Source: https://man7.org/linux/man-pages/man5/proc_pid_fdinfo.5.html, "tfd" of an epoll's file descriptor
    """
    watched: set[str] = set()
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has gone
        for each in Path(f"/proc/{pid}/fdinfo").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                for number in _WATCHED.findall(each.read_text(encoding="ascii")):
                    watched.add(os.readlink(f"/proc/{pid}/fd/{number}"))
    return not watched.isdisjoint(_listening(port))


def ask_census(pids: Sequence[int]) -> None:
    """Have processes count their greenlets; ``census`` reads it a moment later."""
    for pid in pids:
        try:
            os.kill(pid, ASK_CENSUS)
        except ProcessLookupError:
            continue


def census(folder: Path, pid: int) -> dict[str, int] | None:
    """Return a process's last count of greenlets, by what they run; those of threads left out. None: none yet."""
    try:
        found: Mapping[str, int] = json.loads((folder / f"{pid}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return {name: count for name, count in found.items() if name not in OF_THREADS}


def fresh_census(folder: Path, pid: int) -> dict[str, int] | None:
    """Have a process count now; None if it does not within ``CENSUS_S``."""
    path = folder / f"{pid}.json"
    path.unlink(missing_ok=True)
    ask_census([pid])
    end = time.monotonic() + CENSUS_S
    while time.monotonic() < end and not path.exists():
        time.sleep(0.02)
    return census(folder, pid)


def _held(pid: int) -> list[str]:
    """What a process's file descriptors are: paths, or names like ``socket:[123]``."""
    found = []
    try:
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found.append(os.readlink(each))
    except FileNotFoundError as error:
        raise psutil.NoSuchProcess(pid) from error
    return found


def _listening(port: int) -> set[str]:
    """Names of the sockets that listen at a port."""
    table = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return {
        f"socket:[{fields[9]}]"
        for fields in table
        if fields[3] == LISTENING and int(fields[1].partition(":")[2], 16) == port
    }


def _connections() -> dict[str, tuple[int, int]]:
    """Local and remote port of each TCP connection of the machine by its name; those that listen left out."""
    found = {}
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] not in (LISTENING, TIME_WAIT):
            local, remote = (int(fields[place].partition(":")[2], 16) for place in (1, 2))
            found[f"socket:[{fields[9]}]"] = (local, remote)
    return found
