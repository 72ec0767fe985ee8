"""The shipped nginx site on a free port, in front of a service of the test's."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from pathlib import Path

from tests.harness.processes import ROOT, Processes, free_port, wait_until

SHIPPED = ROOT / "deploy" / "nginx" / "smart-route.conf"
SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"

# What Debian's nginx.conf says around a site, with "gzip on" as there and this process's own folders.
AROUND = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/start.log;
events {{ worker_connections 512; }}
http {{
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  types {{ text/html html; }}
  default_type application/octet-stream;
  gzip on;
  gzip_types text/event-stream application/json;
  include {folder}/smart-route.conf;
}}
"""


class Site:
    """nginx with the shipped site: addresses, ports and log files are replaced, nothing else."""

    def __init__(self, processes: Processes, service_port: int, changes: dict[str, str] | None = None) -> None:
        """``changes`` are further texts of the site to replace; each must be in it."""
        self._processes = processes
        self.folder = processes.new_folder("nginx")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        text = SHIPPED.read_text(encoding="utf-8")
        replaced = {
            "    listen 80;\n": f"    listen 127.0.0.1:{self.port};\n",
            "    listen [::]:80;\n": "",
            "server 127.0.0.1:8000 ": f"server 127.0.0.1:{service_port} ",
            "/var/log/nginx": str(self.folder),
            **(changes or {}),
        }
        for old, new in replaced.items():
            assert old in text, f"the site does not hold {old!r}"
            text = text.replace(old, new)
        (self.folder / "smart-route.conf").write_text(text, encoding="utf-8")
        configuration = self.folder / "nginx.conf"
        user = f"user {getpass.getuser()};" if os.getuid() == 0 else ""
        configuration.write_text(AROUND.format(user=user, folder=self.folder), encoding="utf-8")
        program = nginx_program()
        subprocess.run([program, "-t", "-q", "-c", configuration], check=True, capture_output=True)
        self._process = processes.start([program, "-c", configuration], cwd=self.folder)
        wait_until("nginx listens", self._listens)

    def stop(self) -> None:
        """End it."""
        self._processes.stop(self._process)

    def access_log(self) -> str:
        """The site's access log so far."""
        return (self.folder / "smart-route.access.log").read_text(encoding="utf-8")

    def error_log(self) -> str:
        """The site's error log so far."""
        return (self.folder / "smart-route.error.log").read_text(encoding="utf-8")

    def files_on_disk(self) -> list[Path]:
        """What bodies and answers have left in nginx's folders."""
        return [path for name in ("body", "proxy") for path in (self.folder / name).rglob("*") if path.is_file()]

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def nginx_program() -> str:
    """The path of nginx, installed first where that is allowed."""
    subprocess.run([ROOT / "tools" / "need-nginx"], check=True)
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:{SYSTEM_FOLDERS}")
    assert program is not None
    return program
