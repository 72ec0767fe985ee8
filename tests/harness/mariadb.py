"""A real MariaDB server of the test session's own, in a temporary folder, on a port of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from urllib.parse import quote

import pymysql

from tests.harness.processes import ROOT, Processes, clean_environment, free_port, wait_until

SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"  # where Debian keeps servers, off a normal user's PATH
AS_ROOT = ["--user=root"] if os.geteuid() == 0 else []  # it refuses to run as root unless told so
USER = "smartroute"
DATABASES_PAGE = ROOT / "docs" / "databases.md"
PASSWORD = "throw-away @/:%#?"  # what stands in a URL as %XX


class MariaDB:
    """Starts at once. Its databases are reached as a user with the rights that docs/databases.md grants."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._folder = processes.new_folder("mariadb")
        self._made = 0
        self.port = free_port()
        install = [
            program("mariadb-install-db"),
            "--no-defaults",
            *AS_ROOT,
            f"--datadir={self._data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
            "--innodb-log-file-size=8M",
        ]
        done = subprocess.run(install, env=clean_environment({}), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"mariadb-install-db failed:\n{done.stdout}{done.stderr}"
        self.start()
        self._ask(f"create user {USER}@'127.0.0.1' identified by '{PASSWORD}'")

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _log(self) -> Path:
        return self._folder / "error.log"

    @property
    def _socket(self) -> str:
        return str(self._folder / "s")

    def start(self) -> None:
        """Start the server, on the same port and data as before, and wait until it answers."""
        command = [
            program("mariadbd"),
            "--no-defaults",
            *AS_ROOT,
            f"--datadir={self._data}",
            f"--tmpdir={self._folder}",
            f"--socket={self._socket}",
            f"--pid-file={self._folder / 'pid'}",
            f"--log-error={self._log}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            "--max-connections=300",
            # A power cut during a test is no concern; a commit need not wait for the disk.
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=8M",
            "--skip-performance-schema",
        ]
        self._process = self._processes.start(command, cwd=self._folder)
        wait_until("MariaDB answers", self._answers, timeout_s=20)

    def stop(self, *, number: int = signal.SIGTERM) -> None:
        """End the server; ``start`` brings it back with its data. SIGKILL for a crash."""
        self._processes.stop(self._process, number=number)

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def create_database(self) -> str:
        """Make an empty database; gives its SQLAlchemy URL."""
        self._made += 1
        name = f"smartroute_{self._made}"
        self._ask(f"create database {name} character set utf8mb4")
        url = f"mysql+pymysql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{name}"
        self.grant(documented_rights(), url)
        return url

    def revoke(self, right: str, url: str) -> None:
        """Take a right on the database of ``url`` from the user."""
        self._ask(f"revoke {right} on {url.rpartition('/')[2]}.* from {USER}@'127.0.0.1'")

    def grant(self, right: str, url: str) -> None:
        """Give it back."""
        self._ask(f"grant {right} on {url.rpartition('/')[2]}.* to {USER}@'127.0.0.1'")

    def _ask(self, statement: str) -> None:
        connection = pymysql.connect(unix_socket=self._socket, user="root", autocommit=True)
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"MariaDB ended at its start:\n{self._log.read_text()[-4000:]}")
        # Asked by a plain socket first, since PyMySQL leaves its own open when nobody listens.
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(self._socket) != 0:
                return False
        self._ask("select 1")
        return True


def documented_rights() -> str:
    """Return the rights that docs/databases.md tells an operator to grant."""
    [rights] = re.findall(
        r"^GRANT ([A-Z, ]+)\n  ON smartroute\.\*", DATABASES_PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return str(rights)


def program(name: str) -> str:
    """Find a program of the server; one that is missing fails the tests, which must not pass without it."""
    found = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":" + SYSTEM_FOLDERS)
    assert found, f"{name} is missing: install Debian's mariadb-server (make test does so where it may)"
    return found
