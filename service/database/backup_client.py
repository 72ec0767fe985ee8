"""The server's own client programs: writing a MySQL or MariaDB database as statements, and running such.

The password reaches them in a file in memory that only they can open; it is on no command line, in no
environment and on no disk. Sources: https://mariadb.com/kb/en/mariadb-dump/,
https://dev.mysql.com/doc/refman/8.0/en/option-files.html
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any

from service.process.not_ready import NotReady

DUMP = ("mariadb-dump", "mysqldump")
CLIENT = ("mariadb", "mysql")
PACKAGE = "install the package mariadb-client (or default-mysql-client)"
# Query of DATABASE_URL as PyMySQL takes it -> option of the client.
_OPTIONS = {"unix_socket": "socket", "ssl_ca": "ssl-ca", "ssl_cert": "ssl-cert", "ssl_key": "ssl-key"}
_SAID_CHARACTERS = 300


def program(names: Sequence[str], purpose: str, otherwise: str = "") -> str:
    """Find a program of the client.

    Raises:
        NotReady: it is not installed; with ``purpose`` and, at the end, ``otherwise`` as a further way out.
    """
    for name in names:
        if found := shutil.which(name):
            return found
    raise NotReady(f"{purpose} needs the program {' or '.join(names)}, and none is here: {PACKAGE}{otherwise}")


def is_of_mysql(path: str) -> bool:
    """Tell whether a program is MySQL's, which knows some options that MariaDB's does not, and needs them."""
    told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return "mariadb" not in told.stdout.lower()


@contextmanager
def dumping(url: Any, ignored: Sequence[str] = ()) -> Iterator[IO[bytes]]:
    """Run the dump of a database and give what it writes, a snapshot of one moment; nobody is held up by it.

    Raises:
        NotReady: the program failed, at the block's end; the sentence says what it said.
    """
    path = program(DUMP, "a backup of MySQL or MariaDB")
    options = ["--single-transaction", "--quick", "--skip-lock-tables", "--skip-add-locks", "--hex-blob"]
    options += ["--triggers", "--routines", "--no-tablespaces", "--default-character-set=utf8mb4"]
    if is_of_mysql(path):
        options += ["--set-gtid-purged=OFF", "--column-statistics=0"]
    options += [f"--ignore-table={url.database}.{table}" for table in ignored]
    with _password_file(url) as (option, descriptor):
        process = subprocess.Popen(
            [path, option, *options, url.database],
            pass_fds=[descriptor],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with _ended(process, "the dump failed"):
            assert process.stdout is not None  # noqa: S101  (it was asked for)
            yield process.stdout


@contextmanager
def running(url: Any) -> Iterator[IO[bytes]]:
    """Start the client on a database and give its standard input: statements, until the block ends.

    Raises:
        NotReady: a statement was refused, at the block's end; those before it were run.
    """
    path = program(CLIENT, "restoring MySQL or MariaDB")
    with _password_file(url) as (option, descriptor):
        process = subprocess.Popen(
            [path, option, "--default-character-set=utf8mb4", "--batch", url.database],
            pass_fds=[descriptor],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        with _ended(process, "the statements could not be run"):
            assert process.stdin is not None  # noqa: S101
            yield process.stdin


@contextmanager
def _ended(process: subprocess.Popen[bytes], failure: str) -> Iterator[None]:
    """Wait for a program after the block; kill it where the block fails for a reason of its own."""
    assert process.stderr is not None  # noqa: S101
    try:
        with suppress(BrokenPipeError):  # it has ended early, and says why
            yield
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()
        said = process.stderr.read().decode(errors="replace").strip()
        if process.wait() != 0:
            raise NotReady(f"{failure}: {' '.join(said.split())[-_SAID_CHARACTERS:] or 'it said nothing'}")
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None and not pipe.closed:
                with suppress(BrokenPipeError):
                    pipe.close()


@contextmanager
def _password_file(url: Any) -> Iterator[tuple[str, int]]:
    """Give the option that names an option file with the connection in it, and the file's descriptor."""
    descriptor = os.memfd_create("smart-route client options")
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, option_file(url).encode())
        yield f"--defaults-file=/proc/self/fd/{descriptor}", descriptor
    finally:
        os.close(descriptor)


def option_file(url: Any) -> str:
    """Return the text of an option file with which a client connects as SQLAlchemy does by ``url``."""
    values = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    if "unix_socket" not in url.query:
        values["protocol"] = "tcp"  # "localhost" would mean a socket file, for these programs alone
    values |= {name: url.query[key] for key, name in _OPTIONS.items() if key in url.query}
    lines = [f"{name} = {_quoted(str(value))}" for name, value in values.items() if value is not None]
    if "ssl-ca" not in values:
        lines.append("loose-skip-ssl-verify-server-cert")  # as the service itself; newer clients check unasked
    return "\n".join(["[client]", *lines, ""])


def _quoted(value: str) -> str:
    # A bare quotation mark would end the text for the search for comments, and "#" behind it begin one.
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
