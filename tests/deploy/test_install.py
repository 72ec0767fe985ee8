"""install.sh below a folder of its own: first run, upgrade under a running stream, a release that cannot serve.

No root, users, packages or systemd here: ``--prefix`` leaves those out. The service is started as the unit would.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.harness.processes import ROOT, Processes, clean_environment, free_port, wait_until

WAIT_S = 90  # of a busy machine
NOT_COPIED = shutil.ignore_patterns(
    ".*",
    "__pycache__",
    "node_modules",
    "tests*",
    "benchmarks",
    "endurance",
    "instance",
    "*.egg-info",
    "build",
    "smartroute.toml",
)
# Packages that no service needs; without them there are a third of the files.
ONLY_FOR_TESTS = shutil.ignore_patterns(
    ".made-for-*", "playwright*", "openai*", "*mypy*", "hypothesis*", "pydantic*", "ruff*", "_pytest"
)


class Machine:
    """A checkout and a prefix that it is installed below."""

    def __init__(self, processes: Processes) -> None:
        self.processes = processes
        folder = processes.new_folder("machine")
        self.checkout, self.prefix = folder / "checkout", folder / "root"
        shutil.copytree(ROOT, self.checkout, ignore=NOT_COPIED)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.home = self.prefix / "opt/smart-route"
        self.state = self.prefix / "var/lib/smart-route"
        self.settings = self.prefix / "etc/smart-route"
        self.service_log = folder / "service.log"
        self.process: subprocess.Popen[bytes] | None = None
        # The packages of this checkout serve as those of a release that is there: fetching them takes half a minute.
        seed = self.home / "releases" / "seed"
        seed.mkdir(parents=True)
        shutil.copy(ROOT / "requirements.txt", seed)
        shutil.copytree(sys.prefix, seed / ".venv", symlinks=True, ignore=ONLY_FOR_TESTS, copy_function=os.link)
        for program in (seed / ".venv/bin").iterdir():
            self._lead_to_seed(program, seed)
        (seed / ".complete").touch()
        (self.home / "current").symlink_to("releases/seed")

    def _lead_to_seed(self, program: Path, seed: Path) -> None:
        """Write a program's first line anew where it names the Python of this checkout."""
        if not program.is_symlink() and (content := program.read_bytes()).startswith(b"#!"):
            program.unlink()
            program.write_bytes(content.replace(sys.prefix.encode(), str(seed / ".venv").encode(), 1))
            program.chmod(0o755)

    def install(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run install.sh as an operator would."""
        return subprocess.run(
            [self.checkout / "deploy/install.sh", "--prefix", self.prefix, *options],
            env=clean_environment({"PYTHON": sys.executable}),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    def smartroute(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the installed command in another folder, with nothing of the service in the environment."""
        program = self.prefix / "usr/local/bin/smartroute"
        return subprocess.run(
            [program, *arguments], cwd="/", env=clean_environment({}), capture_output=True, text=True, check=False
        )

    def serve(self) -> None:
        """Start what the unit's ExecStart says."""
        with self.service_log.open("ab") as log:
            program = self.home / "current/deploy/smartroute"
            self.process = self.processes.start([program, "serve"], cwd=Path("/"), stdout=log, stderr=log)
        wait_until("the service listens", lambda: self.main_process() is not None, timeout_s=WAIT_S)

    def stop(self) -> None:
        """End every generation of the service."""
        if self.process is not None:
            self.processes.stop(self.process)

    def main_process(self) -> int | None:
        """The process id that the service wrote down."""
        for file in self.state.glob("running-*.json"):
            return int(json.loads(file.read_text())["pid"])
        return None

    def current(self) -> str:
        """The id of the current release."""
        return (self.home / "current").readlink().name

    def serving(self) -> str:
        """The release whose code answers."""
        return Path(f"/proc/{self.main_process()}/cwd").readlink().name


@pytest.fixture(scope="module")
def machine(processes: Processes) -> Iterator[Machine]:
    machine = Machine(processes)
    yield machine
    machine.stop()


# One life of an installation, in this order.


def test_first_run_writes_settings_and_a_release(machine: Machine) -> None:
    done = machine.install("--port", str(machine.port), "--domain", "ai.example.org")
    assert done.returncode == 0, done.stderr
    for name in ("environment", "smartroute.toml", "smartroute.example.toml"):
        assert stat.S_IMODE((machine.settings / name).stat().st_mode) == 0o640, name
    assert stat.S_IMODE(machine.state.stat().st_mode) == 0o750
    assert f"PORT={machine.port}\n" in (machine.settings / "environment").read_text()
    site = (machine.prefix / "etc/nginx/sites-enabled/smart-route.conf").read_text()
    assert "server_name ai.example.org;" in site
    assert f"server 127.0.0.1:{machine.port} " in site
    release = machine.home / "releases" / machine.current()
    assert not (release / "tests").exists()
    assert (release / "instance").readlink() == machine.state


def test_command_sees_what_the_environment_file_says(machine: Machine) -> None:
    with (machine.settings / "environment").open("a") as file:
        file.write("LEFT_KEY='sk-$HOME&`id`;x'\r\n# a line that is left out\n\n")
    with (machine.settings / "smartroute.toml").open("a") as file:
        file.write('[[upstreams]]\nname = "left"\nbase_url = "http://127.0.0.1:9/v1"\napi_key_env = "LEFT_KEY"\n')
        file.write('[[profiles]]\nalias = "smart-route-mini"\n')
        file.write('[[profiles.routes]]\nupstream = "left"\nmodel = "m"\n')
    done = machine.smartroute("config", "check")
    assert done.returncode == 0, done.stderr
    assert "http://ai.example.org" in done.stdout
    assert "LEFT_KEY is set" in done.stdout
    assert str(machine.settings / "smartroute.toml") in done.stdout


def test_upgrade_is_refused_while_the_settings_are_wrong(machine: Machine) -> None:
    file = machine.settings / "smartroute.toml"
    right, before = file.read_text(), machine.current()
    file.write_text(right + "\nnonsense = 1\n")
    (machine.checkout / "README.md").write_text("A release that meets wrong settings.\n")
    done = machine.install()
    assert done.returncode == 1
    assert "nonsense" in done.stderr
    assert "nothing has been switched" in done.stderr
    assert machine.current() == before
    # From here on the demo answers.
    file.write_text(right[: right.index("[[upstreams]]")])


def test_upgrade_hands_over_without_cutting_a_stream_and_keeps_what_is_there(machine: Machine) -> None:
    machine.serve()
    assert (machine.state / "smartroute.db").stat().st_size
    assert stat.S_IMODE((machine.state / "secret_key").stat().st_mode) == 0o600
    made = machine.smartroute("accounts", "create", "you@example.org", "--json")
    assert made.returncode == 0, made.stderr
    token = json.loads(made.stdout)["token"]
    kept = {name: (machine.settings / name).read_bytes() for name in ("environment", "smartroute.toml")}
    key, old, old_main = (machine.state / "secret_key").read_bytes(), machine.current(), machine.main_process()

    end, lines = threading.Event(), []

    def stream() -> None:
        with requests.post(
            f"{machine.url}/v1/chat/completions",
            json={"messages": [{"role": "user", "content": "[[endless deltas]] [[pace 100]]"}], "stream": True},
            headers={"Authorization": f"Bearer {token}"}, stream=True, timeout=WAIT_S,
        ) as http_response:  # fmt: skip
            for line in http_response.iter_lines(chunk_size=1):
                lines.append(line)
                if end.is_set():
                    return

    reader = threading.Thread(target=stream)
    reader.start()
    try:
        wait_until("the stream runs", lambda: len(lines) > 3)
        (machine.checkout / "README.md").write_text("A second release.\n")
        done = machine.install()
        assert done.returncode == 0, done.stderr
        assert machine.serving() == machine.current() != old
        assert machine.main_process() != old_main
        assert (machine.home / "previous").readlink().name == old
        so_far = len(lines)
        wait_until("the stream goes on", lambda: len(lines) > so_far + 5)

        refused = machine.install("--rollback")
        assert refused.returncode == 1
        assert "still ends its streams" in refused.stderr
    finally:
        end.set()
        reader.join(WAIT_S)
    assert {name: (machine.settings / name).read_bytes() for name in kept} == kept
    assert (machine.state / "secret_key").read_bytes() == key
    answer = requests.get(f"{machine.url}/v1/models", headers={"Authorization": f"Bearer {token}"}, timeout=WAIT_S)
    assert answer.status_code == 200
    wait_until("the old release has ended", lambda: not Path(f"/proc/{old_main}/cwd").exists(), timeout_s=WAIT_S)


def test_pages_name_the_command_of_the_installed_service(machine: Machine) -> None:
    page = requests.get(f"{machine.url}/operator?link=abc", timeout=WAIT_S).text
    assert f"<code>{machine.prefix}/usr/local/bin/smartroute accounts operator-link</code>" in page


def test_release_that_cannot_serve_leaves_the_old_one_serving(machine: Machine) -> None:
    old, main = machine.current(), machine.main_process()
    app = machine.checkout / "app.py"
    right = app.read_text()
    app.write_text(right + "\nraise RuntimeError('a release that cannot serve')\n")
    done = machine.install()
    app.write_text(right)
    assert done.returncode == 1
    assert f"{old} serves on" in done.stderr
    assert machine.current() == machine.serving() == old
    assert machine.main_process() == main
    assert requests.get(f"{machine.url}/healthz", timeout=WAIT_S).status_code == 200
    assert "a release that cannot serve" in machine.service_log.read_text()


def test_same_checkout_again_changes_nothing(machine: Machine) -> None:
    before, main = machine.current(), machine.main_process()
    done = machine.install()
    assert done.returncode == 0, done.stderr
    assert "serves already" in done.stdout
    assert (machine.current(), machine.main_process()) == (before, main)


def test_rollback_hands_over_to_the_release_before(machine: Machine) -> None:
    newer, older = machine.current(), (machine.home / "previous").readlink().name
    done = machine.install("--rollback")
    assert done.returncode == 0, done.stderr
    assert machine.serving() == machine.current() == older
    assert (machine.home / "previous").readlink().name == newer


def test_second_rollback_at_once_returns_where_no_stream_runs(machine: Machine) -> None:
    newer = (machine.home / "previous").readlink().name
    for expected in (newer, machine.current()):
        done = machine.install("--rollback")
        assert done.returncode == 0, done.stderr
        assert machine.serving() == machine.current() == expected


def test_old_releases_go_but_for_the_last_three(machine: Machine) -> None:
    releases = machine.home / "releases"
    for number in range(4):
        (releases / f"ancient-{number}").mkdir()
        (releases / f"ancient-{number}" / ".complete").touch()
        os.utime(releases / f"ancient-{number}" / ".complete", (number, number))
    done = machine.install("--no-start")
    assert done.returncode == 0, done.stderr
    left = {folder.name for folder in releases.iterdir()}
    assert not any(name.startswith("ancient") for name in left)
    assert {machine.current(), machine.serving()} <= left
