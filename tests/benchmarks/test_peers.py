"""How peers are installed, and that a run does without those that are not there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.peers import litellm, portkey
from benchmarks.programs import Program, Unavailable, new_place
from tests.harness.processes import ROOT, Processes, clean_environment


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose Python can make no virtual environment, and which has no tools."""
    shutil.copytree(ROOT / "benchmarks" / "peer_programs", tmp_path / "benchmarks" / "peer_programs")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho no room left >&2\nexit 1\n")
    python.chmod(0o755)
    return tmp_path


def install(checkout: Path, *names: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [checkout / "benchmarks" / "peer_programs" / "install", *names]
    return subprocess.run(command, env=clean_environment({}), capture_output=True, text=True, timeout=60, check=False)


def test_what_cannot_be_installed_is_said_and_left_out(checkout: Path) -> None:
    done = install(checkout, "litellm", "portkey")
    assert done.returncode == 0
    assert "no room left" in done.stderr
    assert "litellm could not be installed" in done.stderr
    assert "portkey could not be installed" in done.stderr
    assert not list(checkout.glob(".venv/peers/*/.made-for"))


def put_litellm(checkout: Path, python: Path) -> None:
    """Have LiteLLM installed as pinned, its program run by ``python``."""
    place = checkout / ".venv" / "peers" / "litellm"
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "litellm").write_text(f"#!{python}\n")
    shutil.copy(checkout / "benchmarks" / "peer_programs" / "litellm.txt", place / ".made-for")


def test_what_is_installed_as_pinned_is_left_alone(checkout: Path) -> None:
    put_litellm(checkout, checkout / ".venv" / "peers" / "litellm" / "bin" / "python3.11")
    done = install(checkout, "litellm")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_came_along_with_a_checkout_that_was_moved_is_installed_anew(checkout: Path) -> None:
    put_litellm(checkout, Path("/elsewhere/.venv/peers/litellm/bin/python3.11"))
    done = install(checkout, "litellm")
    assert "Installing litellm" in done.stderr


def test_a_peer_that_is_not_installed_is_unavailable(
    processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "PLACE", tmp_path)
    for peer in (litellm, portkey):
        with pytest.raises(Unavailable, match="could not be installed here"):
            peer(processes, 1)


@pytest.mark.parametrize(
    ("script", "reason"),
    [("echo wrong key; exit 3", "did not start: wrong key"), ("sleep 30", "did not listen within 0 s")],
)
def test_a_program_that_does_not_come_up_is_unavailable(processes: Processes, script: str, reason: str) -> None:
    folder, port = new_place(processes, "program")
    program = Program("LiteLLM", ["sh", "-c", script], folder, port, patience_s=0.4)
    with pytest.raises(Unavailable, match=reason):
        program.start(processes)
