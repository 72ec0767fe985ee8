"""A worker that cannot be loaded, such as while code is being replaced, while the service runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from endurance.processes import accepts
from service.process.master import Master
from tests.harness.gateway import Gateway
from tests.harness.processes import ROOT, Processes, is_alive, wait_until

WSGI = (ROOT / "wsgi.py").read_text(encoding="utf-8")
SAYS = "a worker could not be loaded"


@pytest.fixture
def code(processes: Processes) -> Path:
    """A checkout whose ``wsgi.py`` can be replaced."""
    folder = processes.new_folder("checkout")
    for each in ROOT.iterdir():
        if each.name not in ("wsgi.py", "__pycache__"):
            (folder / each.name).symlink_to(each)
    (folder / "wsgi.py").write_text(WSGI, encoding="utf-8")
    return folder


@pytest.fixture
def gateway(processes: Processes, code: Path) -> Iterator[Gateway]:
    database = f"sqlite:///{processes.new_folder('database') / 'service.db'}"
    with Gateway(processes, database_url=database, workers=2, root=code) as gateway:
        wait_until("both serve", lambda: all(accepts(pid, gateway.port) for pid in gateway.worker_pids()))
        yield gateway


def serves(gateway: Gateway) -> bool:
    return requests.get(f"{gateway.url}/healthz", timeout=10).status_code == 200


def test_others_serve_on_and_it_is_tried_again(gateway: Gateway, code: Path) -> None:
    (code / "wsgi.py").write_text("half a file (", encoding="utf-8")
    gateway.kill9_worker()
    wait_until("it is said", lambda: SAYS in gateway.stderr_text(), timeout_s=20)
    assert all(serves(gateway) for _ in range(5))
    (code / "wsgi.py").write_text(WSGI, encoding="utf-8")
    wait_until("both are there", lambda: len(gateway.worker_pids()) == 2, timeout_s=20)
    assert serves(gateway)
    assert gateway.stderr_text().count(SAYS) == 1, "it was not tried without a pause"


def test_service_ends_where_no_worker_is_left(gateway: Gateway, code: Path) -> None:
    (code / "wsgi.py").write_text("half a file (", encoding="utf-8")
    gateway.kill9_worker()
    wait_until("it is said", lambda: SAYS in gateway.stderr_text(), timeout_s=20)
    gateway.kill9_worker()
    wait_until("it has ended", lambda: not is_alive(gateway.master_pid), timeout_s=20)


def test_start_that_no_worker_survives_ends_in_order(processes: Processes, code: Path) -> None:
    (code / "wsgi.py").write_text("half a file (", encoding="utf-8")
    gateway = Gateway(processes, database_url=f"sqlite:///{code / 'new.db'}", workers=4, root=code)
    with pytest.raises(AssertionError, match="exit code 3"):
        gateway.start()
    said = gateway.stderr_text()
    assert "SyntaxError" in said, "the reason"
    assert "arbiter.py" not in said.split("Shutting down", 1)[1], "no trace of the master's own end"


def test_workers_that_could_not_be_loaded_leave_their_places_to_others() -> None:
    server = SimpleNamespace(cfg=SimpleNamespace(workers=1), maybe_promote_master=None, WORKERS={})
    master = Master(server)
    for age in range(1, 200):  # gunicorn tells of the end of none of them
        new = SimpleNamespace(age=age)
        master.give_share(new)
        assert new.share is not None
