"""/readyz: what it looks at, and how little it costs whoever asks often."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import gevent
import pytest
import requests
import sqlalchemy as sa

from blueprints.health.readiness import Readiness, Remembered, is_ready
from models.engine import engine_options, prepare_engine
from models.storage import Storage, StorageUnavailable
from tests.harness.gateway import Gateway
from tests.harness.processes import free_port, wait_until

CONFIG = """
[[upstreams]]
name = "secret-name"
base_url = "http://127.0.0.1:{port}/v1"

[[profiles]]
alias = "mini"
routes = [{{ upstream = "secret-name", model = "m" }}]

[[plans]]
slug = "free"
profile = "mini"
"""


class Knocks:
    """A port that counts who connects."""

    def __init__(self, port: int) -> None:
        self.count = 0
        self._socket = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.count += 1
            connection.close()

    def close(self) -> None:
        """Take no more."""
        self._socket.close()


def ready(gateway: Gateway) -> requests.Response:
    """Ask for readiness."""
    return requests.get(f"{gateway.url}/readyz", timeout=10)


def test_upstream_that_is_gone_and_comes_back(gateway_factory: Callable[..., Gateway]) -> None:
    port = free_port()
    gateway = gateway_factory("sqlite", config=CONFIG.format(port=port))
    answer = ready(gateway)
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready",
        "checks": {"worker": "ok", "database": "ok", "migrations": "ok", "upstreams": "unreachable"},
    }
    assert "secret-name" not in answer.text
    assert str(port) not in answer.text
    assert answer.headers["Cache-Control"] == "no-cache"

    knocks = Knocks(port)
    wait_until("readiness", lambda: ready(gateway).status_code == 200, timeout_s=20, pause_s=0.3)
    with ThreadPoolExecutor(8) as many:
        statuses = list(many.map(lambda _: ready(gateway).status_code, range(80)))
    assert set(statuses) == {200}
    assert knocks.count <= 2, "who asks often makes no connections"
    knocks.close()


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    """A database at revision 0002."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    engine = sa.create_engine(url, **engine_options(url))
    prepare_engine(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('0002')")
    yield Storage(engine)
    engine.dispose()


def readiness(storage: Storage, folder: Path, **other: Any) -> Readiness:
    """A worker to which all is well but for ``other``."""
    parts: dict[str, Any] = {"last_output": lambda: 0.0, "reach": lambda: True, "is_draining": lambda: False} | other
    return Readiness(storage, folder, **parts)


@pytest.mark.parametrize(
    ("files", "word"),
    [(["0001_a.py", "0002_b.py"], "ok"), (["0001_a.py"], "ok"), (["0002_b.py", "0003_c.py"], "missing")],
)
def test_schema_older_than_the_code_is_not_ready_a_newer_one_is(
    storage: Storage, tmp_path: Path, files: list[str], word: str
) -> None:
    for name in files:
        (tmp_path / name).touch()
    assert readiness(storage, tmp_path).report()["migrations"] == word


@pytest.mark.parametrize("revision", ["restoring", "unfinished-move"])
def test_database_that_is_just_being_filled_is_not_ready(storage: Storage, tmp_path: Path, revision: str) -> None:
    (tmp_path / "0002_b.py").touch()
    with storage.engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (revision,))
    assert readiness(storage, tmp_path).report()["migrations"] == "missing"


def test_database_that_does_not_answer_is_told(tmp_path: Path) -> None:
    class Broken:
        def read(self, work: object) -> None:
            raise StorageUnavailable("gone")

    report = readiness(cast(Storage, Broken()), tmp_path).report()
    assert (report["database"], report["migrations"]) == ("unreachable", "unknown")
    assert not is_ready(report)


def test_worker_that_ends_is_not_ready_and_asks_nobody(tmp_path: Path) -> None:
    report = readiness(cast(Storage, None), tmp_path, is_draining=lambda: True).report()
    assert report == {"worker": "stopping"}
    assert not is_ready(report)


def test_upstream_that_answered_lately_is_not_connected_to(storage: Storage, tmp_path: Path) -> None:
    def reach() -> bool:
        raise AssertionError("a connection was tried")

    assert readiness(storage, tmp_path, last_output=time.time, reach=reach).report()["upstreams"] == "ok"


def test_answer_that_does_not_come_is_not_waited_for_and_asked_for_once() -> None:
    asked = []

    def ask() -> bool:
        asked.append(1)
        gevent.sleep(0.2)
        return True

    slow = Remembered(ask, 60, 0.05)
    assert [slow.get(), slow.get()] == [None, None]
    gevent.sleep(0.2)
    assert slow.get() is True
    assert asked == [1]
