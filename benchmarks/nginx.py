"""nginx in front of the upstream: about the cheapest relay there is, and the measure of the others.

Every answer of the gateway is authenticated, so nginx at least looks the token up. It counts and logs nothing.
"""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from benchmarks.programs import Program, found, new_place
from benchmarks.targets import NGINX, bearer
from tests.harness.processes import Processes

SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
TOKEN = "sr_bench_0123456789abcdef"

CONFIG = """
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  client_max_body_size 50m;
  client_body_buffer_size 1m;
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
      proxy_request_buffering off;
    }}
  }}
}}
"""


def nginx(processes: Processes, upstream_port: int) -> Program:
    """Write its configuration. Raises Unavailable."""
    program = found("nginx", *SYSTEM_FOLDERS)
    folder, port = new_place(processes, "nginx")
    # Started by root its worker would become nobody, who may not enter the temporary folder.
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(user=user, folder=folder, token=TOKEN, upstream_port=upstream_port, port=port))
    command: list[str | Path] = [program, "-p", folder, "-e", folder / "error.log", "-c", config]
    return Program(NGINX, command, folder, port, (bearer(TOKEN),), alias=None, workers=1)
