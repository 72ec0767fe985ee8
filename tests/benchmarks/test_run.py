"""The load generator against the demo upstream, and a whole small run against everything."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from benchmarks.answers import Expected
from benchmarks.ledger import Ledger
from benchmarks.load import closed_loop, scheduled
from benchmarks.loads import request_bytes
from benchmarks.report import report
from benchmarks.targets import Target, cpu_s_of
from tests.harness.demo import Demo
from tests.harness.processes import ROOT, clean_environment


@pytest.fixture
def target(demo: Demo) -> Target:
    port = urlsplit(demo.base_url).port
    assert port is not None
    return Target("direct", port, (), None)


def read(target: Target, text: str, words: int) -> Ledger:
    ledger = Ledger()
    requests = [request_bytes("sr_any", text, stream=True)] * 3
    ledger.read(target, scheduled(target.port, requests, gap_s=0.01, connections=2), Expected(words, None, True))
    return ledger


def test_a_schedule_sends_each_request_when_it_is_due(target: Target) -> None:
    requests = [request_bytes("sr_any", "[[tokens 2]]", stream=False)] * 4
    done = scheduled(target.port, requests, gap_s=0.05, connections=4)
    due = sorted(exchange.due_at for exchange in done)
    assert [round(later - first, 3) for first, later in pairwise(due)] == [0.05] * 3
    assert all(exchange.sent_at >= exchange.due_at for exchange in done)


def test_a_closed_loop_ends_with_every_request_answered(target: Target, demo: Demo) -> None:
    ledger = Ledger()
    request = request_bytes("sr_any", "[[tokens 3]]", stream=False)
    before = demo.open()["total"]
    ledger.read(target, closed_loop(target.port, request, connections=4, seconds=0.05), Expected(3, None, False))
    assert ledger.answers["direct"] == demo.open()["total"] - before > 4
    assert not ledger.wrong


def test_whole_streams_are_right_and_broken_ones_are_counted(target: Target) -> None:
    assert not read(target, "[[tokens 3]]", 3).is_void
    assert read(target, "[[tokens 3]] [[no-done]]", 3).wrong == {"direct: stream without [DONE]": 3}
    assert read(target, "[[tokens 3]] [[drop 2]]", 3).wrong == {"direct: connection closed before the end": 3}
    assert read(target, "[[status 500]]", 3).wrong == {"direct: status 500": 3}


def test_the_cpu_clock_of_a_process_is_the_systems_own() -> None:
    process = psutil.Process()
    times = process.cpu_times()
    assert cpu_s_of(process.pid) == pytest.approx(times.user + times.system, abs=0.05)


def test_a_void_report_says_so() -> None:
    document = {
        "begun": "2030-01-01T00:00:00+00:00", "seconds": 1.0, "neighbours_cores": 0.0, "answers": {"gateway": 1},
        "machine": {"cores": 2, "memory_gib": 4.0, "python": "3.11"}, "wrong": {"gateway: status 500": 1},
    }  # fmt: skip
    text = report(document)
    assert "WRONG: gateway: status 500: 1" in text
    assert "VOID" in text


def test_a_quick_run_has_no_wrong_answer_and_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--json", file],
        cwd=ROOT, env=clean_environment({"TMPDIR": str(tmp_path)}), capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("Wrong answers: 0\n")
    document = json.loads(file.read_text())
    assert document["wrong"] == {}
    books = document["books"]
    assert books["answers"] > 50
    assert {books[kind] for kind in ("rows", "counted", "completed", "log_lines")} == {books["answers"]}
    for load in document["loads"].values():
        assert set(load["targets"]) == {"direct", "nginx", "gateway"}
    assert list(tmp_path.iterdir()) == [file]
    assert not any(str(tmp_path) in " ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"]))
