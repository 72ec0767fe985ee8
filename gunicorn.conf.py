"""How gunicorn runs the service; read by every ``gunicorn wsgi:app`` started in this folder.

The master process reads and checks everything before a worker exists (``startup``), and again on SIGHUP,
where a wrong catalog leaves the accepted one in force. How one generation of workers and masters gives way to the
next is in ``service/process/master.py``, how a worker ends in ``service/process/gateway_worker.py``.
"""

import gc
import os
import resource
import signal
from pathlib import Path

from service.metrics import folder as metrics_folder
from service.process import freed_memory, master, server_errors, startup
from service.process.server_log import ServerLog

ROOT = Path(__file__).resolve().parent
_settings = startup.settings_or_exit(ROOT)

bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
workers = _settings.workers
worker_class = "service.process.gateway_worker.GatewayWorker"
# Two file descriptors a stream; the system's hard limit is the only one that makes sense here.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_hard, _hard))
# Running out of descriptors would fail requests; connections beyond this wait in the backlog.
worker_connections = 10_000 if _hard == resource.RLIM_INFINITY else max(100, min(10_000, (_hard - 200) // 2))
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


def on_starting(server):
    """Prepare the house once, before the first worker."""
    startup.prepare(_settings)
    master.take_charge(server)
    startup.make_metrics_folder(_settings)
    metrics_folder.hand_on(server.cfg.env_orig)


def on_reload(server):
    """Take the catalog's new text if it is right; say so if it is wrong, and go on with the old one."""
    startup.accept_changed_catalog(_settings)
    master.begin_reload(server)
    metrics_folder.hand_on(server.cfg.env_orig)  # of the settings as they were read anew


def when_ready(server):
    """Tell where the service listens; a master that replaces another one tells it when its workers serve."""
    if not master.takes_over():
        startup.announce()


def pre_fork(server, worker):
    """Prepare what the worker shares; keep its collection of garbage off what the master made, which would copy it."""
    gc.collect()
    gc.freeze()
    master.before_fork(worker)


def post_fork(server, worker):
    """Let a worker that is being replaced finish its running streams, and leave Ctrl-C to the master."""
    master.forked(worker)
    worker.cfg.set("graceful_timeout", startup.drain_seconds())
    freed_memory.give_back_large_blocks()
    server_errors.install()
    # Ctrl-C reaches the whole process group; the master alone acts on it, and tells the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    init_signals = worker.init_signals

    def init_signals_but_one():
        init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    worker.init_signals = init_signals_but_one


def post_worker_init(worker):
    """Start the periodic work of this worker, and tell the master that it serves."""
    startup.start_housekeeping(worker.service)
    # What was loaded stays: the collector need not look at it again, which took 76 ms every few seconds under load.
    gc.freeze()
    master.tell_serving()


def worker_exit(server, worker):
    """Give the worker's lease up, so that nobody has to wait for it to run out."""
    startup.end_worker(getattr(worker, "service", None))


def child_exit(server, worker):
    """Keep the counts of a worker that has ended, however it did, and forget its connections."""
    master.worker_ended(worker)
    metrics_folder.add_ended(worker.pid)


def on_exit(server):
    """End what was started beside the workers, and what was written for as long as the service listens."""
    startup.no_longer_listening()
    startup.stop_demo_upstream()
    metrics_folder.remove()
