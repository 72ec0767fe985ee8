"""What the gunicorn master does before workers exist, on a reload, and at the end.

The master imports nothing that gevent would have to patch: a database that is not ready yet is prepared by a
process of its own (``service.database.prepare``), and workers import the application after the fork.
"""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.accepted import accept, accepted
from catalog.errors import CatalogError
from catalog.model import Catalog
from catalog.reader import read_catalog
from config import Settings, SettingsError, load_secret_key
from models.glance import Glance, glance, newest_migration
from service.keys import Keyring
from service.metrics import folder as metrics_folder
from service.process import running_port

if TYPE_CHECKING:
    from flask import Flask

PORT_WAIT_S = 5
"""For a port that is taken: the workers of a killed master give it up within a second, a busy machine's a bit later."""
LOOK_EVERY_S = 0.05

# State of the master process alone: the demo upstream, while one runs, with its address; the settings in force.
_demo: list[tuple[subprocess.Popen[str], str]] = []
_settings: list[Settings] = []
# Tasks of `_prepare_database` that begin when the workers serve.
_put_off: list[str] = []


def settings_or_exit(root: Path) -> Settings:
    """Read the settings. At the start a wrong one ends it with a sentence; on a reload the old ones stay."""
    try:
        settings = Settings.from_environment(os.environ, root)
    except SettingsError as error:
        if not _settings:
            raise SystemExit(f"smart-route: {error}") from error
        say(f"the old settings stay in force: {error}")
        return _settings[-1]
    _settings[:] = [settings]
    return settings


def prepare(settings: Settings) -> None:
    """Make all that is missing: secret key, database, demo upstream; accept the catalog.

    Raises:
        SystemExit: something is wrong; the sentence says what and where.
    """
    try:
        _await_address(settings)
        load_secret_key(settings)
        catalog = _read(settings)
        found = _prepared(settings, catalog)
        if found is None and _prepare_database("prepare").wait() != 0:
            raise SystemExit("smart-route: not started, see above")
        if found is not None and not found.has_operator:
            _put_off.append("prepare")  # prints the link that makes one: the workers' start need not share the machine
    except (SettingsError, CatalogError) as error:
        raise SystemExit(f"smart-route: {error}") from error
    except KeyboardInterrupt:
        raise SystemExit("smart-route: not started") from None
    _accept(catalog)


def accept_changed_catalog(settings: Settings) -> None:
    """Take the catalog as its file now stands; keep the accepted one where the file is wrong."""
    try:
        catalog = _read(settings)
    except CatalogError as error:
        say(f"the changed catalog is wrong, the old one stays in force: {error}")
        return
    if _prepared(settings, catalog) is None and _prepare_database("check-plans").wait() != 0:
        say("the changed catalog cannot be used, the old one stays in force (see above)")
        return
    is_new = catalog != accepted()
    _accept(catalog)
    say("the changed catalog is in force" if is_new else "the catalog was read again: nothing has changed")


def announce() -> None:
    """Print what answers, how to reload, and last where the service listens; commands can read that in a file."""
    settings, catalog = _settings[-1], accepted()
    if catalog is not None and catalog.uses_demo:
        say("no upstream is configured: the built-in demo upstream answers (README.md says how to connect a real one)")
    elif catalog is not None:
        for upstream in catalog.upstreams:
            say(f"upstream {upstream.name}: {upstream.base_url}")
    if catalog is not None and not _is_loopback(settings.host) and "//127.0.0.1:" in catalog.service.public_url:
        say("others can reach this service, but its pages show a loopback address: set public_url in the catalog")
    say(f"a changed catalog is taken over by: kill -HUP {os.getpid()}")
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    running_port.note(settings)
    say(f"listening on http://{host}:{settings.port}")


def do_what_was_put_off() -> None:
    """Start, beside the workers that serve now, what nobody had to wait for."""
    while _put_off:
        _prepare_database(_put_off.pop())


def drain_seconds() -> int:
    """Return how long a worker that is being replaced may finish its streams."""
    catalog = accepted()
    return 30 if catalog is None else catalog.service.drain_seconds


def make_metrics_folder(settings: Settings) -> None:
    """Make the folder in which workers leave their figures, or share the one of the master before this one."""
    trouble = metrics_folder.make(settings.instance_dir, os.environ.pop(metrics_folder.SHARED, None))
    if trouble:
        say(f"each worker shows its own figures alone: {trouble}")


def start_housekeeping(app: Flask) -> None:
    """Start a worker's periodic work; called in the worker, when the application is loaded."""
    from service.database.retention import Upkeep
    from service.process.worker import Housekeeping
    from service.services import EXTENSION

    house = app.extensions[EXTENSION]
    upkeep = Upkeep(house.storage, house.calendar, house.catalog.retention)
    Housekeeping(house.worker, house.storage, upkeep=upkeep, reading=house.catalog.reading).start()
    house.watch.start()
    house.tracing.start()
    house.carrier.start(app.app_context)


def end_worker(app: Any) -> None:
    """Let a worker that ends cleanly give up its lease and leave its counts; what cannot be done now is swept later."""
    if app is None:
        return
    from models.storage import StorageUnavailable
    from service.services import EXTENSION

    app.extensions[EXTENSION].carrier.finish()
    try:
        app.extensions[EXTENSION].watch.write()
        app.extensions[EXTENSION].tracing.stop()
        app.extensions[EXTENSION].worker.leave()
    except StorageUnavailable as error:
        say(f"the lease of this worker runs out by itself: {error}")


def no_longer_listening() -> None:
    """Tell commands that the service has ended."""
    for settings in _settings:
        running_port.forget(settings)


def stop_demo_upstream() -> None:
    """End the demo upstream, if one runs."""
    while _demo:
        process, _ = _demo.pop()
        process.terminate()
        process.wait(timeout=10)


def _read(settings: Settings) -> Catalog:
    def read(demo_base_url: str | None) -> Catalog:
        return read_catalog(settings.config_path, port=settings.port, env=os.environ, demo_base_url=demo_base_url)

    catalog = read(None)
    return read(_demo_base_url()) if catalog.uses_demo else catalog


def _accept(catalog: Catalog) -> None:
    for notice in catalog.notices:
        say(notice)
    accept(catalog)


def _demo_base_url() -> str:
    """Start the demo upstream unless it runs; it ends when this process does, however that ends."""
    if _demo and _demo[-1][0].poll() is None:
        return _demo[-1][1]
    process = subprocess.Popen(
        [sys.executable, "-m", "demo_upstream", "--port", "0", "--exit-with-stdin"],
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is the master's: running requests may still need this upstream
    )
    assert process.stdout is not None  # noqa: S101  (it was asked for)
    line = process.stdout.readline()
    if "http://" not in line:
        raise SystemExit("smart-route: the demo upstream did not start")
    base_url = line[line.index("http://") :].strip()
    _demo.append((process, base_url))
    return base_url


def _prepared(settings: Settings, catalog: Catalog) -> Glance | None:
    """Return what the database is if preparing it would change nothing: most starts need not wait for that."""
    found = glance(settings.database_url)
    is_prepared = (
        found is not None
        and found.revision == newest_migration(settings.root / "migrations" / "versions")
        and found.key_fingerprint == Keyring(load_secret_key(settings)).fingerprint
        and all(catalog.plan(slug) for slug in found.plans)
    )
    return found if is_prepared else None


def _prepare_database(task: str) -> subprocess.Popen[bytes]:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "service.database.prepare", task]
    return subprocess.Popen(command, cwd=root, start_new_session=True)


def _await_address(settings: Settings) -> None:
    """Wait a moment where another process listens there, as the workers of a killed master do until they notice.

    Raises:
        SettingsError: it cannot be listened on. gunicorn would try that five times, with two lines each.
    """
    if "LISTEN_FDS" in os.environ or "GUNICORN_FD" in os.environ:
        return  # the socket is handed over by systemd, or by the master that this one replaces
    give_up_at = None
    while error := _error_of_binding(settings):
        is_taken = error.errno == errno.EADDRINUSE
        if not is_taken or (give_up_at is not None and time.monotonic() >= give_up_at):
            hint = f", try PORT={settings.port + 1}" if is_taken else ""
            raise SettingsError(f"{settings.host}:{settings.port}: {error.strerror}{hint}") from error
        if give_up_at is None:
            give_up_at = time.monotonic() + PORT_WAIT_S
            say(f"{settings.host}:{settings.port} is taken: waiting up to {PORT_WAIT_S} s for its process to end")
        time.sleep(LOOK_EVERY_S)


def _error_of_binding(settings: Settings) -> OSError | None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            return error
    return None


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host.startswith("127.") or host == "::1"


def say(sentence: str) -> None:
    """Tell whoever started the service something, on standard error."""
    print(f"smart-route: {sentence}", file=sys.stderr, flush=True)
