"""How gunicorn runs the service; read by every ``gunicorn wsgi:app`` started in this folder.

The master process reads and checks everything before a worker exists (``startup``), and again on SIGHUP,
where a wrong catalog leaves the accepted one in force.
"""

import os
import resource
import signal
from pathlib import Path

from service import startup
from service.server_log import ServerLog

ROOT = Path(__file__).resolve().parent
_settings = startup.settings_or_exit(ROOT)

bind = f"{_settings.host}:{_settings.port}"
workers = _settings.workers
worker_class = "gevent"
# Two file descriptors a stream; the system's hard limit is the only one that makes sense here.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_hard, _hard))
worker_connections = 10_000
backlog = 2048
keepalive = 5
timeout = 60  # of a worker that does not move at all; streams move
limit_request_field_size = 16_380  # agents send their turn's metadata in a header
control_socket_disable = True  # it would lie in the user's home folder
accesslog = None  # the service writes its own line
errorlog = "-"
logger_class = ServerLog
loglevel = os.environ.get("LOG_LEVEL", "warning")
proc_name = "smart-route"
# X-Forwarded-* are judged by the service itself (trusted_proxies), never by gunicorn.
forwarded_allow_ips = ""
secure_scheme_headers = {}

# How long the master waits for workers when it is told to stop. A worker that is replaced on SIGHUP may
# take longer (drain_seconds): its streams go on while others serve the new requests.
STOP_S = 30
graceful_timeout = STOP_S


def on_starting(server):
    """Prepare the house once, before the first worker."""
    startup.prepare(_settings)
    gunicorn_reload = server.reload

    def reload():
        # gunicorn's own reload stays in a loop, deaf to further signals, until the old workers are gone or
        # graceful_timeout is over. Old workers with long streams are gone late: do not wait for them here.
        try:
            gunicorn_reload()
        finally:
            server.cfg.set("graceful_timeout", STOP_S)

    server.reload = reload

    def handle_int():
        # The first Ctrl-C lets running requests end, as SIGTERM does; gunicorn itself takes a second one for haste.
        startup.say(f"stopping: running streams have {STOP_S} s to end, another Ctrl-C ends them at once")
        server.stop()
        raise StopIteration

    server.handle_int = handle_int


def on_reload(server):
    """Take the catalog's new text if it is right; say so if it is wrong, and go on with the old one."""
    startup.accept_changed_catalog(_settings)
    server.cfg.set("graceful_timeout", 0)


def when_ready(server):
    """Tell where the service listens."""
    startup.announce(_settings)


def post_fork(server, worker):
    """Let a worker that is being replaced finish its running streams, and leave Ctrl-C to the master."""
    worker.cfg.set("graceful_timeout", startup.drain_seconds())
    # Ctrl-C reaches the whole process group; the master alone acts on it, and tells the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    init_signals = worker.init_signals

    def init_signals_but_one():
        init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    worker.init_signals = init_signals_but_one


def post_worker_init(worker):
    """Start the periodic work of this worker."""
    startup.start_housekeeping(worker.wsgi)


def worker_exit(server, worker):
    """Give the worker's lease up, so that nobody has to wait for it to run out."""
    startup.end_worker(getattr(worker, "wsgi", None))


def on_exit(server):
    """End what was started beside the workers, and what was written for as long as the service listens."""
    startup.no_longer_listening()
    startup.stop_demo_upstream()
