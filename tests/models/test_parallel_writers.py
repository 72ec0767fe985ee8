"""Exactness with several processes of many greenlets each on one database."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.harness.processes import ROOT, Processes
from tests.models.ledger import Ledger

PROCESSES_AT_ONCE = 4


def run_writers(processes: Processes, url: str, **plan: object) -> dict[int, dict[str, int]]:
    """Start the writers at the same moment; gives the sums of what they were told, by account."""
    command = [sys.executable, "-m", "tests.models.writer", url]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": None}
    writers = [processes.start(command, cwd=ROOT, **pipes) for _ in range(PROCESSES_AT_ONCE)]
    for seed, writer in enumerate(writers):
        writer.stdin.write(json.dumps({**plan, "seed": seed}).encode() + b"\n")  # type: ignore[union-attr]
        writer.stdin.flush()  # type: ignore[union-attr]
    for writer in writers:
        assert writer.stdout.readline() == b"ready\n"  # type: ignore[union-attr]
    for writer in writers:
        writer.stdin.write(b"go\n")  # type: ignore[union-attr]
        writer.stdin.flush()  # type: ignore[union-attr]
    sums: dict[int, dict[str, int]] = {}
    for writer in writers:
        for account_id, told in json.loads(writer.stdout.readline()).items():  # type: ignore[union-attr]
            sums.setdefault(int(account_id), {"admitted": 0, "refused": 0, "given back": 0})
            for name, number in told.items():
                sums[int(account_id)][name] += number
        assert writer.wait(20) == 0
        processes.stop(writer)
    return sums


def test_exactly_as_many_are_admitted_as_the_quota_has_left(ledger: Ledger, account: int, processes: Processes) -> None:
    ledger.storage.clock = None
    for _ in range(7):
        ledger.admit(account)
    told = run_writers(processes, ledger.url, account_ids=[account], attempts=60, daily=107, closings=False)
    assert told == {account: {"admitted": 100, "refused": 140, "given back": 0}}
    assert ledger.used(account) == (107, 107)


def test_numbers_stay_true_while_others_close_and_give_back(ledger: Ledger, processes: Processes) -> None:
    ledger.storage.clock = None
    account_ids = ledger.add_accounts(3)
    told = run_writers(processes, ledger.url, account_ids=account_ids, attempts=40, daily=50, closings=True)
    for account_id in account_ids:
        shown = ledger.standing(account_id)
        kept = told[account_id]["admitted"] - told[account_id]["given back"]
        assert told[account_id]["given back"] > 0
        assert kept <= 50
        assert ledger.counted(account_id, shown.windows.day) == (kept,)
        assert shown.day_used == shown.month_used == kept
