"""A real nginx in front of gateways, with the site that deploy/ ships; only addresses and folders are the test's."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from tests.harness.mariadb import program
from tests.harness.processes import ROOT, Processes, free_port, wait_until

SITE = ROOT / "deploy/nginx/smart-route.conf"
# As docs/databases.md has it for two machines.
OF_TWO = "max_fails=1 fail_timeout=1s"

FRAME = """
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log info;
{user}
events {{ worker_connections 16384; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


class Nginx:
    """Starts at once, in front of the gateways on ``ports``."""

    def __init__(self, processes: Processes, ports: Sequence[int]) -> None:
        self._processes = processes
        self._folder = processes.new_folder("nginx")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.api = f"{self.url}/v1"
        (self._folder / "site.conf").write_text(site(self._folder, self.port, ports))
        user = "user root;" if os.geteuid() == 0 else ""
        main = self._folder / "nginx.conf"
        main.write_text(FRAME.format(folder=self._folder, user=user))
        command = [program("nginx"), "-c", str(main), "-p", str(self._folder), "-e", str(self._folder / "error.log")]
        self._process = processes.start(command, cwd=self._folder)
        wait_until("nginx answers", self._answers, timeout_s=20)

    def stop(self) -> None:
        """End it."""
        self._processes.stop(self._process, number=signal.SIGTERM)

    def errors(self) -> str:
        """What its error log says."""
        return (self._folder / "error.log").read_text(errors="replace")

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.errors()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def site(folder: Path, port: int, ports: Sequence[int]) -> str:
    """The shipped site, listening on ``port``, with gateways on ``ports``."""
    servers = "\n".join(f"    server 127.0.0.1:{each} {OF_TWO};" for each in ports)
    text = SITE.read_text(encoding="utf-8")
    for pattern, instead in (
        (r"(?ms)^upstream smart_route \{.*?^\}", f"upstream smart_route {{\n{servers}\n}}"),
        (r"\blisten 80;", f"listen 127.0.0.1:{port};"),
        (r"\blisten \[::\]:80;", ""),
        (r"/var/log/nginx/smart-route\.access\.log", f"{folder}/access.log"),
        (r"/var/log/nginx/smart-route\.error\.log", f"{folder}/error.log"),
    ):
        text, count = re.subn(pattern, instead, text)
        assert count == 1, f"{SITE.name}: {pattern} stands there {count} times"
    return text


def pause_between_machines() -> None:
    """Wait until nginx asks a machine again that refused a moment ago, as the steps of a rolling restart say."""
    time.sleep(1.5)
