"""Counts over reloads, kills and masters that take over; and the files that they lie in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from service.metrics import folder as metrics_folder
from tests.harness.gateway import Gateway
from tests.harness.processes import ROOT, is_alive, wait_until
from tests.observability.scrape import scrape, total


def folder_of(gateway: Gateway) -> Path:
    """Where the workers of a running gateway leave their files."""

    def found() -> list[Path]:
        names = [f"instance/workers/*/worker-{pid}.json" for pid in gateway.worker_pids()]
        return [path.parent for name in names for path in ROOT.glob(name)]

    return wait_until("the workers' folder", found)[0]


def ask(gateway: Gateway, token: str) -> None:
    """Send one prompt."""
    body = {"messages": [{"role": "user", "content": "Good morning"}]}
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.post(f"{gateway.api}/chat/completions", json=body, headers=headers, timeout=20).status_code == 200


def admitted(gateway: Gateway) -> float:
    """The sum of admitted requests."""
    return total(scrape(gateway), "smartroute_admitted_total")


def test_counts_go_on_over_reload_hand_over_and_kill_and_nothing_is_left(
    gateway_factory: Callable[..., Gateway],
) -> None:
    gateway = gateway_factory("sqlite", workers=1)
    token = gateway.account()["token"]
    ask(gateway, token)
    wait_until("the first one", lambda: admitted(gateway) == 1)
    folder = folder_of(gateway)

    [old] = gateway.worker_pids()
    gateway.reload()
    wait_until("the old worker's end", lambda: not is_alive(old) and not (folder / f"worker-{old}.json").exists())
    assert admitted(gateway) == 1
    ask(gateway, token)
    wait_until("the second one", lambda: admitted(gateway) == 2)

    gateway.hand_over()
    assert admitted(gateway) == 2, "the master that took over shares the folder"
    assert folder_of(gateway) == folder

    killed = gateway.kill9_worker()
    wait_until("a new worker", lambda: gateway.worker_pids() not in ([], [killed]), timeout_s=20)
    wait_until("only the new worker", lambda: total(scrape(gateway), "smartroute_workers") == 1)
    assert admitted(gateway) == 2
    assert total(scrape(gateway), "smartroute_breaker_workers", state="closed") == 1
    wait_until("one file", lambda: len(list(folder.glob("worker-*"))) == 1)

    gateway.kill9_all()
    assert folder.exists()
    gateway.start()
    assert not folder.exists(), "the next start removes what a crash left"
    assert admitted(gateway) == 0
    folder = folder_of(gateway)
    gateway.stop()
    assert not folder.exists()


@pytest.fixture
def own_folder(tmp_path: Path) -> Iterator[Path]:
    """This process as a master."""
    assert metrics_folder.make(tmp_path) is None
    folder = metrics_folder.current()
    assert folder is not None
    yield folder
    metrics_folder.remove()


def leave(folder: Path, pid: int, count: float = 1) -> None:
    """Write the file of a worker."""
    told = metrics_folder.tell({"admitted": {("mini", "free"): [count]}, "seconds": {(): [1.0, 2.0, 0.5]}})
    metrics_folder.write(folder / metrics_folder.name_of(pid), json.dumps({"name": f"{pid}-x", **told}).encode())


def counted(folder: Path) -> metrics_folder.Sum:
    """All counts in a folder."""
    workers, ended = metrics_folder.read_all(folder)
    found = metrics_folder.Sum(ended)
    for worker in workers:
        found.add(worker)
    return found


def test_a_thousand_ended_workers_are_one_small_file(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    for pid in range(1000):
        leave(own_folder, pid)
        metrics_folder.add_ended(pid)
        now += 5
    assert counted(own_folder).cells == {"admitted": {("mini", "free"): [1000]}, "seconds": {(): [1000, 2000, 500]}}
    assert sorted(path.name for path in own_folder.iterdir()) == ["ended.json", "ended.lock", "lock"]
    assert (own_folder / "ended.json").stat().st_size < 2000


def test_file_that_is_still_there_though_its_counts_are_kept_counts_once(own_folder: Path) -> None:
    leave(own_folder, 7, 5)
    text = (own_folder / "worker-7.json").read_bytes()
    metrics_folder.add_ended(7)
    metrics_folder.write(own_folder / "worker-7.json", text)  # as a reader sees it who was quicker
    assert counted(own_folder).cells["admitted"] == {("mini", "free"): [5]}


def test_damaged_files_are_passed_over(own_folder: Path) -> None:
    leave(own_folder, 1)
    for text in (b"", b"{", b"[]", b"\xff"):
        metrics_folder.write(own_folder / "worker-2.json", text)
        assert counted(own_folder).cells["admitted"] == {("mini", "free"): [1]}
    metrics_folder.add_ended(2)
    metrics_folder.add_ended(3)  # it never wrote one
    assert counted(own_folder).cells["admitted"] == {("mini", "free"): [1]}


def test_worker_whose_counts_cannot_be_kept_is_not_taken_for_a_living_one(own_folder: Path) -> None:
    leave(own_folder, 1)
    (own_folder / ".ended.json").mkdir()  # nothing can be written there, as on a full disk
    metrics_folder.add_ended(1)
    assert metrics_folder.read_all(own_folder) == ([], {})


def test_other_classes_of_another_release_do_not_spoil_the_sum(own_folder: Path) -> None:
    leave(own_folder, 1)
    metrics_folder.add_ended(1)
    other = metrics_folder.tell({"seconds": {(): [1.0, 0.5]}})
    metrics_folder.write(own_folder / "worker-2.json", json.dumps({"name": "2-x", **other}).encode())
    assert counted(own_folder).cells["seconds"] == {(): [1, 2, 0.5]}


def test_folder_in_use_is_left_alone_and_shared_by_who_takes_over(own_folder: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from service.metrics import folder as f; "
        "f.make(Path(sys.argv[1]), sys.argv[2] or None); print(f.current()); f.remove()"
    )

    def other(shared: str) -> str:
        command = [sys.executable, "-c", program, str(tmp_path), shared]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    apart = other("")
    assert apart != str(own_folder)
    assert not Path(apart).exists()
    assert other(str(own_folder)) == str(own_folder)
    assert other(str(tmp_path / "gone")) not in ("None", str(own_folder))
    assert own_folder.exists(), "who shares it has not removed it"


def test_where_nothing_can_be_written_the_folder_is_a_temporary_one(tmp_path: Path) -> None:
    (tmp_path / "workers").write_text("in the way")
    assert metrics_folder.make(tmp_path) is None
    folder = metrics_folder.current()
    assert folder is not None
    assert tmp_path not in folder.parents
    assert folder.stat().st_uid == os.getuid()
    assert folder.stat().st_mode & 0o077 == 0
    metrics_folder.remove()
    assert not folder.exists()
