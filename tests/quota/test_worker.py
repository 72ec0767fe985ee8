"""A worker's lease and housekeeping, one round at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from models import lease, reservation
from models.lease import Watch
from models.storage import StorageUnavailable
from service.process.process_space import is_running, process_space
from service.process.worker import Housekeeping, Worker
from tests.models.ledger import FAILED, Ledger

OTHER = 22


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger on SQLite; both databases' leases are proved at the model layer."""
    return Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")


def dead_pid() -> int:
    """Process id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_many_requests_at_the_start_take_one_lease(ledger: Ledger) -> None:
    worker = Worker(ledger.storage)
    threads = [threading.Thread(target=worker.owner_id) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.owners() == [worker.owner_id()]


def test_worker_killed_on_this_machine_is_swept_in_the_first_round(ledger: Ledger) -> None:
    [account] = ledger.add_accounts(1)
    lease.renew(ledger.storage, OTHER, process_space(), dead_pid())
    rows = [ledger.admit(account, owner_id=OTHER) for _ in range(2)]
    reservation.mark(ledger.storage, rows[0])
    keeping = Housekeeping(Worker(ledger.storage), ledger.storage)
    keeping.beat()
    keeping.tidy()
    assert ledger.statuses(rows) == ["interrupted", "failed"]
    assert OTHER not in ledger.owners()


@pytest.mark.parametrize(("host", "pid"), [("another machine", dead_pid()), (process_space(), os.getpid())])
def test_worker_that_may_be_alive_is_left_alone(ledger: Ledger, host: str, pid: int) -> None:
    [account] = ledger.add_accounts(1)
    lease.renew(ledger.storage, OTHER, host, pid)
    row_id = ledger.admit(account, owner_id=OTHER)
    keeping = Housekeeping(Worker(ledger.storage), ledger.storage)
    for _ in range(3):
        keeping.beat()
        keeping.tidy()
    assert ledger.statuses([row_id]) == ["open"]
    assert OTHER in ledger.owners()


def test_silent_worker_elsewhere_is_swept_by_one_of_two(ledger: Ledger) -> None:
    [account] = ledger.add_accounts(1)
    lease.renew(ledger.storage, OTHER, "another machine", 1)
    row_id = ledger.admit(account, owner_id=OTHER)
    keepers = [
        Housekeeping(Worker(ledger.storage), ledger.storage, Watch(silent_after_s=0.0, longest_gap_s=60))
        for _ in range(2)
    ]
    for keeper in keepers:
        keeper.beat()
    for keeper in keepers:
        keeper.tidy()
    assert ledger.statuses([row_id]) == ["failed"]
    assert ledger.used(account) == (0, 0)


def test_ended_worker_leaves_neither_rows_nor_a_lease(ledger: Ledger) -> None:
    [account] = ledger.add_accounts(1)
    worker = Worker(ledger.storage)
    row_id = ledger.admit(account, owner_id=worker.owner_id())
    worker.leave()
    assert ledger.statuses([row_id]) == ["failed"]
    assert ledger.owners() == []


def test_closing_that_was_refused_is_done_in_the_next_round(ledger: Ledger) -> None:
    [account] = ledger.add_accounts(1)
    worker = Worker(ledger.storage)
    row_id = ledger.admit(account, owner_id=worker.owner_id())
    refusals = [StorageUnavailable("away")]

    def closing() -> None:
        if refusals:
            raise refusals.pop()
        reservation.give_back(ledger.storage, account, row_id, FAILED)

    worker.finish_later(closing)
    keeping = Housekeeping(worker, ledger.storage)
    keeping.tidy()
    assert ledger.statuses([row_id]) == ["open"]
    keeping.tidy()
    assert ledger.statuses([row_id]) == ["failed"]


def test_process_that_waits_to_be_collected_does_not_run() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_running(process.pid)
    process.communicate()
    assert is_running(os.getpid())


def test_owner_that_comes_back_after_its_silence_keeps_what_it_opens_then(ledger: Ledger) -> None:
    [account] = ledger.add_accounts(1)
    lease.renew(ledger.storage, OTHER, "another machine", 1)
    before = ledger.admit(account, owner_id=OTHER)
    keeping = Housekeeping(Worker(ledger.storage), ledger.storage, Watch(silent_after_s=0.0, longest_gap_s=60))
    keeping.beat()
    lease.renew(ledger.storage, OTHER, "another machine", 1)
    since = ledger.admit(account, owner_id=OTHER)
    keeping.tidy()
    assert ledger.statuses([before, since]) == ["failed", "open"]
    assert OTHER in ledger.owners()
