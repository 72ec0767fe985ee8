"""What is compared: the upstream called directly, nginx in front of it, the gateway in front of it."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.harness.demo import Demo
from tests.harness.gateway import Gateway
from tests.harness.processes import Processes, free_port, wait_until

ALIAS = "smart-route-infinite"
PLAN = "unlimited"
SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"

# A file of its own: one that an operator has in the project's folder must not be served here.
GATEWAY_CONFIG = """
[[upstreams]]
name = "demo"
base_url = "{base_url}"
dialect = "chat"

[[profiles]]
alias = "{alias}"
[[profiles.routes]]
upstream = "demo"
model = "demo-model"
"""

# Every answer of the gateway is authenticated, so nginx at least looks the token up. It counts and logs nothing.
NGINX_CONFIG = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  map $http_authorization $is_allowed {{ default 0; "Bearer {token}" 1; }}
  upstream backend {{ server 127.0.0.1:{upstream_port}; keepalive 256; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    keepalive_requests 1000000;
    location / {{
      if ($is_allowed = 0) {{ return 401; }}
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Target:
    """A server under load: where it listens, and the processes whose cost is its cost."""

    name: str
    port: int
    pids: tuple[int, ...]
    alias: str | None
    """The only model name that its answers may hold; None: the upstream's own."""

    def cpu_s(self) -> float:
        """CPU seconds that its processes have used so far, to the nanosecond; /proc/PID/stat has ticks of 10 ms."""
        return sum(cpu_s_of(pid) for pid in self.pids)

    def pss_mb(self) -> float:
        """Memory of its processes, what they share counted once."""
        return sum(int(psutil.Process(pid).memory_full_info().pss) for pid in self.pids) / 1e6


@dataclass(frozen=True, slots=True)
class House:
    """All servers of a run."""

    direct: Target
    nginx: Target
    gateway: Target
    token: str
    demo: Demo
    service: Gateway

    @property
    def targets(self) -> list[Target]:
        """In the order of the tables."""
        return [self.direct, self.nginx, self.gateway]

    def usage_rows(self) -> dict[str, int]:
        """Return ``rows`` of the usage log, those that are ``counted``, ``completed``, and their ``tokens``."""
        path = self.service.database_url.removeprefix("sqlite:///")
        with sqlite3.connect(path) as connection:
            row = connection.execute(
                "SELECT count(*), coalesce(sum(counted), 0), coalesce(sum(status = 'completed'), 0),"
                " coalesce(sum(completion_tokens), 0) FROM usage_log"
            ).fetchone()
        connection.close()
        return dict(zip(("rows", "counted", "completed", "tokens"), row, strict=True))

    def log_lines(self) -> int:
        """How many requests of the API the gateway has written a log line for."""
        return sum(line.get("path") == "/v1/chat/completions" for line in self.service.log_lines())


def cpu_s_of(pid: int) -> float:
    """CPU seconds of all threads of a process, ended ones too.

    The clock's id is what clock_getcpuclockid(3) computes; Python has no name for it.
    """
    return time.clock_gettime((~pid << 3) | 2)


@contextmanager
def running_house(processes: Processes) -> Iterator[House]:
    """Start the demo upstream, the gateway and nginx; all of them end with the block."""
    with ExitStack() as running:
        demo = Demo(processes)
        running.callback(demo.stop)
        demo_port = urlsplit(demo.base_url).port
        assert demo_port is not None
        database = processes.new_folder("database") / "bench.db"
        service = running.enter_context(
            Gateway(
                processes,
                database_url=f"sqlite:///{database}",
                workers=1,
                config=GATEWAY_CONFIG.format(base_url=demo.base_url, alias=ALIAS),
            )
        )
        token: str = service.account(plan=PLAN)["token"]
        nginx, nginx_port = _start_nginx(processes, token, demo_port)
        running.callback(processes.stop, nginx)
        yield House(
            direct=Target("direct", demo_port, (_pid_listening_on(demo_port),), None),
            nginx=Target("nginx", nginx_port, _with_children(nginx.pid), None),
            gateway=Target("gateway", service.port, (service.master_pid, *service.worker_pids()), ALIAS),
            token=token,
            demo=demo,
            service=service,
        )


def _start_nginx(processes: Processes, token: str, upstream_port: int) -> tuple[subprocess.Popen[bytes], int]:
    program = shutil.which("nginx", path=os.environ.get("PATH", os.defpath) + ":" + SYSTEM_FOLDERS)
    if program is None:
        raise FileNotFoundError("nginx is missing: install Debian's nginx (make bench does so where it may)")
    folder, port = processes.new_folder("nginx"), free_port()
    # Started by root its worker would become nobody, who may not enter the temporary folder.
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    config = Path(folder / "nginx.conf")
    config.write_text(
        NGINX_CONFIG.format(user=user, folder=folder, token=token, upstream_port=upstream_port, port=port)
    )
    command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(config)]
    process = processes.start(command, cwd=folder)
    wait_until("nginx answers", lambda: process.poll() is not None or _listens(port))
    if process.poll() is not None:
        raise RuntimeError(f"nginx did not start:\n{(folder / 'error.log').read_text()}")
    wait_until("nginx has its worker", lambda: psutil.Process(process.pid).children())
    return process, port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _with_children(pid: int) -> tuple[int, ...]:
    return (pid, *(child.pid for child in psutil.Process(pid).children()))


def _pid_listening_on(port: int) -> int:
    for child in psutil.Process().children():
        listening = (each for each in child.net_connections("tcp") if each.status == psutil.CONN_LISTEN)
        if any(each.laddr.port == port for each in listening):
            return child.pid
    raise RuntimeError(f"no child of this process listens on port {port}")
