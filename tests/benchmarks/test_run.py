"""A whole small run from outside, and what it asks of the machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import benchmarks.run
from benchmarks.installed import installed_mb
from benchmarks.plan import PARTS, QUICK
from benchmarks.report import report
from benchmarks.targets import GATEWAY, cpu_s_of
from tests.harness.processes import ROOT, clean_environment

WITHOUT_PEERS = ["--quick", "--without", "litellm,portkey"]


def bench(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT, env=clean_environment({"TMPDIR": str(folder)}), capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip


def test_a_quick_run_has_no_wrong_answer_and_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = bench(tmp_path, *WITHOUT_PEERS, "--json", file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("Wrong answers: 0\n")
    document = json.loads(file.read_text())
    assert document["wrong"] == {}
    assert document["parts"] == list(PARTS)
    for books in document["books"].values():
        assert books["answers"] > 10
        assert {books[kind] for kind in ("rows", "counted", "completed", "log_lines")} == {books["answers"]}
    gateways = {"Smart Route", "Smart Route, 2 workers", "Smart Route, 2 gateways"}
    assert set(document["books"]) == gateways
    assert set(document["loads"]["workers"]["targets"]) == {"direct", *gateways}
    for name in ("json", "rate", "prompts", "image", "paced", "burst", "beside"):
        assert set(document["loads"][name]["targets"]) == {"direct", "nginx", "Smart Route"}
    for name in ("responses-paced", "responses-burst", "lock"):
        assert set(document["loads"][name]["targets"]) == {"Smart Route"}
    assert set(document["cold_start_s"]) == {"nginx", "Smart Route"}
    assert list(tmp_path.iterdir()) == [file]
    assert not any(str(tmp_path) in " ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"]))


@pytest.mark.parametrize("arguments", [["--only", "json,jason"], ["--without", "nginx"]])
def test_unknown_parts_and_peers_are_refused(tmp_path: Path, arguments: list[str]) -> None:
    done = bench(tmp_path, *arguments)
    assert done.returncode == 2
    assert "is none of" in done.stderr


def test_a_run_that_breaks_off_tells_what_it_has_and_is_void(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("no space left")

    said: list[str] = []
    monkeypatch.setattr(benchmarks.run, "running_house", broken)
    document = benchmarks.run.run(QUICK, PARTS, [], said.append)
    assert document["wrong"] == {"the run broke off: RuntimeError": 1}
    assert "no space left" in said[-1]
    assert "VOID" in report(document)


def test_the_installed_size_is_that_of_the_pinned_packages_and_the_project() -> None:
    size = installed_mb([GATEWAY])[GATEWAY]
    assert 10 < size < 200


def test_the_cpu_clock_of_a_process_is_the_systems_own() -> None:
    process = psutil.Process(os.getpid())
    times = process.cpu_times()
    assert cpu_s_of(process.pid) == pytest.approx(times.user + times.system, abs=0.05)
