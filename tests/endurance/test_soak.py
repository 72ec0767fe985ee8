"""A run of seconds, from outside, passes its own verdict; the same run with a doctored ledger or state fails it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import psutil
import pytest

from endurance.publish import PAGE, markers, picture_of, with_run
from tests.harness.processes import ROOT, Processes, clean_environment, wait_until

COMMAND = [sys.executable, "-m", "endurance", "--rate", "25", "--minutes"]


@pytest.fixture(scope="module")
def run(processes: Processes) -> tuple[subprocess.CompletedProcess[str], dict[str, Any], Path]:
    """What a run of seconds ended with, its document, and its folder."""
    folder = processes.new_folder("soak") / "output"
    done = subprocess.run(
        [*COMMAND, "0.12", "--output", str(folder)],
        cwd=ROOT, env=clean_environment({}), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert (folder / "endurance.json").exists(), done.stdout + done.stderr
    return done, json.loads((folder / "endurance.json").read_text()), folder


def test_short_run_meets_every_expectation(
    run: tuple[subprocess.CompletedProcess[str], dict[str, Any], Path],
) -> None:
    done, document, _ = run
    assert done.returncode == 0, done.stdout + done.stderr
    assert document["is_passed"]
    assert len(document["expectations"]) >= 23
    assert done.stdout.count("PASS  ") == len(document["expectations"])
    assert document["requests"] > 100
    assert len(document["answers"]) > 20, "many kinds of traffic took part"


def test_run_leaves_a_picture_and_its_part_of_the_page(
    run: tuple[subprocess.CompletedProcess[str], dict[str, Any], Path],
) -> None:
    _, document, folder = run
    svg = ET.fromstring((folder / "endurance.svg").read_text())  # noqa: S314  (the run's own)
    titles = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Memory (PSS), MB", "File descriptors", "Greenlets", "Requests a second", "Late by, ms"} <= set(titles)
    page = with_run(PAGE.read_text(encoding="utf-8"), document)
    assert [page.count(marker) for marker in markers(document)] == [1, 1]
    assert f"{document['requests']:,} requests" in page
    assert with_run(page, document) == page


def test_runs_with_kills_have_parts_and_pictures_of_their_own(
    run: tuple[subprocess.CompletedProcess[str], dict[str, Any], Path],
) -> None:
    plans: list[dict[str, Any]] = [{}, {"kill_every_s": 60.0}, {"kill_every_s": 60.0, "database": "mariadb"}]
    documents = [{**run[1], "plan": {**run[1]["plan"], **plan}} for plan in plans]
    page = PAGE.read_text(encoding="utf-8")
    for number, document in enumerate(documents):
        page = with_run(page, {**document, "requests": 1_234_567 + number})
    assert [page.count(f"{1_234_567 + number:,} requests") for number in range(3)] == [1, 1, 1]
    assert len({picture_of(document) for document in documents}) == 3


def test_run_that_is_interrupted_ends_everything_that_it_started() -> None:
    run = subprocess.Popen(
        [*COMMAND, "5"],
        cwd=ROOT,
        env=clean_environment({}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as a shell starts its background jobs
    )
    assert run.stderr is not None
    assert "warm-up" in run.stderr.readline()
    started = psutil.Process(run.pid).children(recursive=True)
    assert len(started) > 5
    os.kill(run.pid, signal.SIGINT)
    assert run.wait(60) == 130
    assert "nothing was judged" in run.stderr.read()
    run.stderr.close()
    wait_until("their end", lambda: not any(each.is_running() for each in started), timeout_s=20)
