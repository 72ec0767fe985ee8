"""A real gateway under test: gunicorn and its workers, with settings, database and logs of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import requests

from tests.harness.databases import databases
from tests.harness.processes import ROOT, Processes, clean_environment, free_port, is_alive, wait_until

SECRET_KEY = "a-fixed-secret-key-of-the-tests-0123456789"
PROGRAMS = Path(sys.executable).parent
RUN_COMMANDS = Path(__file__).with_name("run_commands.py")
START_S = 60
STOP_S = 10
HAS_TAKEN_OVER = re.compile(r"process (\d+) has taken over")


class Gateway:
    """``with Gateway(...) as gateway``: starts, waits until HTTP is answered, and ends with the block.

    ``config`` is the text of its TOML file. Without one it has no file, and ``env`` may bring
    ``UPSTREAM_BASE_URL``. ``root`` is the project's folder. ``launcher`` goes in front of gunicorn's command and
    must become it (exec).
    """

    def __init__(
        self,
        processes: Processes,
        *,
        database_url: str,
        workers: int = 1,
        config: str | None = None,
        env: Mapping[str, str] | None = None,
        root: Path = ROOT,
        launcher: Sequence[str] = (),
    ) -> None:
        self._processes = processes
        self._launcher = launcher
        database_url = databases.in_force(database_url)
        self._folder = processes.new_folder("gateway")
        self._accounts = 0
        self._at_stop: list[Callable[[], object]] = []
        self._stdout = self._folder / "stdout.log"
        self._stderr = self._folder / "stderr.log"
        self.root = root
        self.workers = workers
        self.database_url = database_url
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.api = f"{self.url}/v1"
        self.config_path = self._folder / "smartroute.toml"
        self.env = {
            "PORT": str(self.port),
            "DATABASE_URL": database_url,
            "SECRET_KEY": SECRET_KEY,
            "WEB_CONCURRENCY": str(workers),
            **(env or {}),
        }
        if config is not None:
            self.write_config(config)
            self.env["SMARTROUTE_CONFIG"] = str(self.config_path)
        else:
            stray = root / "smartroute.toml"
            assert not stray.exists(), f"{stray} would be read by the gateway under test: move it away meanwhile"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- life ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start gunicorn and wait until it answers and has all its workers; fails with the log's tail."""
        with self._stdout.open("ab") as stdout, self._stderr.open("ab") as stderr:
            command = [*self._launcher, str(PROGRAMS / "gunicorn"), "wsgi:app"]
            self._master = self._processes.start(command, cwd=self.root, env=self.env, stdout=stdout, stderr=stderr)
        self._successor: int | None = None
        try:
            wait_until("the gateway answers", self._answers, timeout_s=START_S)
            wait_until("all workers are there", lambda: len(self.worker_pids()) >= self.workers)
        except AssertionError as error:
            self.stop(patience_s=0)
            raise AssertionError(f"{error}\n{self._tail()}") from error

    def stop(self, *, patience_s: float = STOP_S) -> int:
        """End it by SIGTERM, after ``patience_s`` by SIGKILL; gives the exit code. Stopping twice is fine."""
        while self._at_stop:
            self._at_stop.pop()()
        if self._successor is not None and is_alive(self._successor):
            os.kill(self._successor, signal.SIGTERM)
            with contextlib.suppress(AssertionError):  # what is left is killed with its group
                wait_until("the successor's end", lambda: not is_alive(self.master_pid), timeout_s=patience_s)
        return self._processes.stop(self._master, patience_s=patience_s)

    def at_stop(self, close: Callable[[], object]) -> None:
        """Call ``close`` before the end: a worker waits some seconds for connections that are merely kept open."""
        self._at_stop.append(close)

    def restart(self) -> None:
        """Stop it in order and start it again with the same settings, port and database."""
        self.stop()
        self.start()

    def reload(self) -> None:
        """SIGHUP to the master; returns when the new workers alone take requests (old ones may still stream)."""
        before = set(self.worker_pids())
        os.kill(self.master_pid, signal.SIGHUP)
        wait_until(
            "new workers after SIGHUP",
            lambda: len(set(self.worker_pids()) - before) >= self.workers and not any(map(listens, before)),
            timeout_s=2 * START_S,
        )
        wait_until("the reloaded gateway answers", self._answers, timeout_s=START_S)

    def hand_over(self) -> int:
        """SIGUSR2 to the master; gives the new process id when that one alone serves (the old may still stream)."""
        old = [self.master_pid, *self.worker_pids()]
        os.kill(self.master_pid, signal.SIGUSR2)
        before = len(HAS_TAKEN_OVER.findall(self.stderr_text()))
        taken = wait_until(
            "a new master has taken over",
            lambda: HAS_TAKEN_OVER.findall(self.stderr_text())[before:],
            timeout_s=2 * START_S,
        )
        wait_until("the old one takes no requests", lambda: not any(map(listens, old)))
        self._successor = int(taken[-1])
        return self._successor

    def write_config(self, text: str) -> None:
        """Replace the text of the TOML file; a running gateway reads it at ``reload``."""
        self.config_path.write_text(text, encoding="utf-8")

    # -- processes -------------------------------------------------------------------------------------------

    @property
    def master_pid(self) -> int:
        """The gunicorn master's process id."""
        return self._master.pid if self._successor is None else self._successor

    def worker_pids(self) -> list[int]:
        """Process ids of the living workers, oldest first."""
        return [worker.pid for worker in self._workers()]

    def kill9_worker(self) -> int:
        """Kill one worker as a crash would; gives its process id. The master starts another."""
        victim = self._workers()[0]
        victim.kill()
        return victim.pid

    def kill9_all(self) -> None:
        """Kill master, workers and whatever they started, at the same moment, as a power cut would."""
        everything = [psutil.Process(self.master_pid)]
        everything += everything[0].children(recursive=True)
        for process in everything:
            process.suspend()  # nobody gets to notice that another has gone
        for process in everything:
            process.kill()
        self.stop(patience_s=0)
        wait_until("all are dead", lambda: not any(is_alive(process.pid) for process in everything))

    def memory_mb(self) -> float:
        """Proportional set size of master and workers together, in MB."""
        processes = [psutil.Process(self.master_pid), *self._workers()]
        return sum(process.memory_full_info().pss for process in processes) / 1e6

    def _workers(self) -> list[psutil.Process]:
        """Children that are forks of the master; others, like a demo upstream, are programs of their own."""
        master = psutil.Process(self.master_pid)
        command = master.cmdline()
        children = []
        for child in master.children():
            try:
                if child.status() != psutil.STATUS_ZOMBIE and child.cmdline() == command:
                    children.append(child)
            except psutil.NoSuchProcess:
                continue
        return sorted(children, key=lambda child: (child.create_time(), child.pid))

    # -- commands and accounts -------------------------------------------------------------------------------

    def flask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``flask ...`` as an operator would, in the environment of the service."""
        return self._run([PROGRAMS / "flask", *arguments])

    def account(self, email: str | None = None, plan: str | None = None) -> dict[str, Any]:
        """Make one account: ``{"email", "plan", "token"}``. Costs the start of a Python; see ``accounts``."""
        return self.accounts(1, plan=plan, emails=None if email is None else [email])[0]

    def accounts(
        self, count: int, *, plan: str | None = None, emails: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """Make several accounts by the ``flask accounts create`` command, all in one process."""
        chosen = list(emails) if emails is not None else [self._new_email() for _ in range(count)]
        with_plan = [] if plan is None else ["--plan", plan]
        commands = [["accounts", "create", email, *with_plan, "--json"] for email in chosen]
        return [json.loads(line) for line in self.run_commands(commands)]

    def run_commands(self, commands: Sequence[Sequence[str]]) -> list[str]:
        """Run several ``flask ...`` commands in one process; give what each printed."""
        done = self._run([sys.executable, RUN_COMMANDS], stdin=json.dumps(commands))
        assert done.returncode == 0, f"{commands[0]} and what follows failed:\n{done.stdout}{done.stderr}"
        return [str(printed) for printed in json.loads(done.stdout)]

    def tokens(self, emails: Sequence[str]) -> list[str]:
        """Give the tokens of accounts that are there, by the ``flask accounts token`` command, all in one process."""
        commands = [["accounts", "token", email] for email in emails]
        done = self._run([sys.executable, RUN_COMMANDS], stdin=json.dumps(commands))
        assert done.returncode == 0, f"accounts token failed:\n{done.stdout}{done.stderr}"
        return [line.strip() for line in json.loads(done.stdout)]

    def _new_email(self) -> str:
        self._accounts += 1
        return f"member{self._accounts}@example.org"

    def _run(self, command: Sequence[str | os.PathLike[str]], stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.root,
            env=clean_environment(self.env),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    # -- what it says ----------------------------------------------------------------------------------------

    def log_lines(self) -> list[dict[str, Any]]:
        """The request log so far: the lines of standard output that are JSON objects."""
        return list(self._json_lines())

    def log_line(self, request_id: str) -> dict[str, Any]:
        """Wait for the log line of one request and give it."""
        return wait_until(
            f"a log line of request {request_id}",
            lambda: next((line for line in self._json_lines() if line.get("request_id") == request_id), {}),
        )

    def stdout_text(self) -> str:
        """Standard output so far."""
        return self._stdout.read_text(errors="replace")

    def stderr_text(self) -> str:
        """Standard error so far."""
        return self._stderr.read_text(errors="replace")

    def _json_lines(self) -> Iterator[dict[str, Any]]:
        for line in self.stdout_text().splitlines():
            try:
                document = json.loads(line)
            except ValueError:
                continue
            if isinstance(document, dict):
                yield document

    def _tail(self) -> str:
        return f"standard error:\n{self.stderr_text()[-4000:]}\nstandard output:\n{self.stdout_text()[-1000:]}"

    def _answers(self) -> bool:
        if self._successor is None and self._master.poll() is not None:
            raise AssertionError(f"the gateway ended at its start (exit code {self._master.returncode})")
        try:
            requests.get(f"{self.url}/healthz", timeout=2)
        except requests.RequestException:
            return False
        return True


def listens(pid: int) -> bool:
    """Whether a process takes connections."""
    try:
        return any(each.status == psutil.CONN_LISTEN for each in psutil.Process(pid).net_connections("tcp"))
    except psutil.Error:
        return False
