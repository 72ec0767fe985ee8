"""What the gunicorn master does before workers exist, on a reload, and at the end.

The master imports nothing that gevent would have to patch: the database is prepared by a process of its
own (``prepare_database``), and workers import the application after the fork.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.accepted import accept, accepted
from catalog.errors import CatalogError
from catalog.model import Catalog
from catalog.reader import read_catalog
from config import Settings, SettingsError, load_secret_key

if TYPE_CHECKING:
    from flask import Flask

# State of the master process alone: the demo upstream, while one runs, with its address; the settings in force.
_demo: list[tuple[subprocess.Popen[str], str]] = []
_settings: list[Settings] = []


def settings_or_exit(root: Path) -> Settings:
    """Read the settings. At the start a wrong one ends it with a sentence; on a reload the old ones stay."""
    try:
        settings = Settings.from_environment(os.environ, root)
    except SettingsError as error:
        if not _settings:
            raise SystemExit(f"smart-route: {error}") from error
        _say(f"the old settings stay in force: {error}")
        return _settings[-1]
    _settings[:] = [settings]
    return settings


def prepare(settings: Settings) -> None:
    """Make all that is missing: secret key, database, demo upstream; accept the catalog.

    Raises:
        SystemExit: something is wrong; the sentence says what and where.
    """
    try:
        load_secret_key(settings)
        catalog = _read(settings)
    except (SettingsError, CatalogError) as error:
        raise SystemExit(f"smart-route: {error}") from error
    if _prepare_database("prepare") != 0:
        raise SystemExit("smart-route: not started, see above")
    _accept(catalog, settings)


def accept_changed_catalog(settings: Settings) -> None:
    """Take the catalog as its file now stands; keep the accepted one where the file is wrong."""
    try:
        catalog = _read(settings)
    except CatalogError as error:
        _say(f"the changed catalog is wrong, the old one stays in force: {error}")
        return
    if _prepare_database("check-plans") != 0:
        _say("the changed catalog cannot be used, the old one stays in force (see above)")
        return
    _accept(catalog, settings)
    _say("the changed catalog is in force")


def announce(settings: Settings) -> None:
    """Print where the service listens and what answers behind it."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    _say(f"listening on http://{host}:{settings.port}")
    catalog = accepted()
    if catalog is not None and catalog.uses_demo:
        _say("no upstream is configured: the built-in demo upstream answers (README.md says how to connect a real one)")


def drain_seconds() -> int:
    """Return how long a worker that is being replaced may finish its streams."""
    catalog = accepted()
    return 30 if catalog is None else catalog.service.drain_seconds


def start_housekeeping(app: Flask) -> None:
    """Start a worker's periodic work; called in the worker, when the application is loaded."""
    from service.services import EXTENSION
    from service.worker import Housekeeping

    house = app.extensions[EXTENSION]
    Housekeeping(house.worker, house.storage).start()


def end_worker(app: Any) -> None:
    """Give up the lease of a worker that ends cleanly; what cannot be done now is swept later."""
    if app is None:
        return
    from models.storage import StorageUnavailable
    from service.services import EXTENSION

    try:
        app.extensions[EXTENSION].worker.leave()
    except StorageUnavailable as error:
        _say(f"the lease of this worker runs out by itself: {error}")


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


def _accept(catalog: Catalog, settings: Settings) -> None:
    for notice in catalog.notices:
        _say(notice)
    accept(catalog)


def _demo_base_url() -> str:
    """Start the demo upstream unless it runs; it ends when this process does, however that ends."""
    if _demo and _demo[-1][0].poll() is None:
        return _demo[-1][1]
    process = subprocess.Popen(
        [sys.executable, "-m", "demo_upstream", "--port", "0", "--exit-with-stdin"],
        cwd=Path(__file__).resolve().parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None  # noqa: S101  (it was asked for)
    line = process.stdout.readline()
    if "http://" not in line:
        raise SystemExit("smart-route: the demo upstream did not start")
    base_url = line[line.index("http://") :].strip()
    _demo.append((process, base_url))
    return base_url


def _prepare_database(task: str) -> int:
    root = Path(__file__).resolve().parent.parent
    return subprocess.run([sys.executable, "-m", "service.prepare_database", task], cwd=root, check=False).returncode


def _say(sentence: str) -> None:
    print(f"smart-route: {sentence}", file=sys.stderr, flush=True)
