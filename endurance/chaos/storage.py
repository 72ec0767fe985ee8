"""A full disk, a database that somebody else holds, a database server that goes and comes back."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from endurance import seen
from endurance.chaos.crowd import Crowd, Notes, share, tally
from endurance.chaos.place import place, told_of
from endurance.chaos.private_mounts import small_disk, unmount
from endurance.chaos.scenario import Stage, scenario
from endurance.seen import Seen
from tests.harness.mariadb import MariaDB
from tests.harness.processes import ROOT

DISK_MB = 20
FULL_S = 6.0
BACK_WITHIN_S = 6.0
REFUSED = "storage_unavailable"
LOCKS, LOCK_S, PAUSE_S, LONG_LOCK_S = 8, 0.3, 0.7, 20.0
WAITS_AT_MOST_S = 10.0  # models/storage.py
LATE_MS = 50.0

_HOLD = """
import sqlite3, sys, time
path, locks, lock_s, pause_s, long_s = sys.argv[1], int(sys.argv[2]), *map(float, sys.argv[3:])
connection = sqlite3.connect(path, timeout=30, isolation_level=None)
for seconds, pause in [(lock_s, pause_s)] * locks + [(long_s, 0)]:
    connection.execute("BEGIN IMMEDIATE")
    print(seconds, flush=True)
    time.sleep(seconds)
    connection.execute("ROLLBACK")
    time.sleep(pause)
print("end", flush=True)
"""


@scenario(
    "disk",
    "The disk is full",
    done=f"SQLite on a file system of {DISK_MB} MB. Under load another file takes all that is left, for {FULL_S:g} s;"
    " then it is deleted.",
    expects={
        "told": "Meanwhile requests are answered 503 storage_unavailable, or served where there is room; nothing else",
        "streams": "Streams that had begun go on to their end",
        "back": f"{BACK_WITHIN_S:g} s after there is room everybody is served again, without a restart",
        "whole": "The database is whole: PRAGMA integrity_check says ok",
        "books": "The books balance: nothing counts twice, nothing is lost",
    },
)
def full_disk(stage: Stage) -> None:
    """No room."""
    folder = stage.processes.new_folder("disk")
    small_disk(folder, DISK_MB)
    try:
        with place(stage.processes, database_url=f"sqlite:///{folder / 'smartroute.db'}", workers=2) as here:
            with Crowd(here.gateway.port, here.members, stream_events=100) as crowd:
                time.sleep(2)
                full_at = time.monotonic()
                _fill(folder / "ballast")
                time.sleep(FULL_S)
                (folder / "ballast").unlink()
                freed_at = time.monotonic()
                time.sleep(BACK_WITHIN_S + 2)
            notes = crowd.notes
            during = [each for sent, each, _ in notes.short if full_at < sent < freed_at]
            strange = [each for each in during if each.how != seen.COMPLETE and each.code != REFUSED]
            refused = sum(each.code == REFUSED for each in during)
            stage.check("told", refused > 20 and not strange, tally(during), [str(each) for each in strange])
            _check_streams(stage, notes)
            _check_back(stage, notes, freed_at + BACK_WITHIN_S)
            books = here.books(notes.seen)
        with contextlib.closing(sqlite3.connect(folder / "smartroute.db")) as connection:
            verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
        stage.check("whole", verdict == "ok", verdict)
        stage.check("books", *told_of(books))
    finally:
        unmount(folder)


@scenario(
    "lock",
    "Somebody else holds the database's write lock",
    done=f"SQLite. Another process holds the write lock {LOCK_S:g} s of every second, {LOCKS} times, and then for"
    f" {LONG_LOCK_S:g} s.",
    expects={
        "short": "Beside the short locks everybody is served, at p99 within 1.5 s",
        "events": f"The events of streams are late by {LATE_MS:g} ms at p99 at most, whoever holds the lock",
        "long": f"Beside the long lock a request waits {WAITS_AT_MOST_S:g} s and is then answered 503",
        "streams": "Streams that had begun go on to their end",
        "back": "2 s after the lock is given up everybody is served again",
        "books": "The books balance",
    },
)
def locked(stage: Stage) -> None:
    """The write lock is held elsewhere."""
    with place(stage.processes) as here:
        path = here.gateway.database_url.removeprefix("sqlite:///")
        figures = [str(each) for each in (LOCKS, LOCK_S, PAUSE_S, LONG_LOCK_S)]
        with Crowd(here.gateway.port, here.members) as crowd:
            time.sleep(1)
            command = [sys.executable, "-c", _HOLD, path, *figures]
            holder = stage.processes.start(command, cwd=ROOT, stdout=subprocess.PIPE)
            assert holder.stdout is not None
            for _ in range(LOCKS):
                holder.stdout.readline()
            short_from = time.monotonic() - LOCKS * (LOCK_S + PAUSE_S)
            holder.stdout.readline()
            long_from = time.monotonic()
            holder.stdout.readline()
            long_to = time.monotonic()
            time.sleep(4)
        stage.processes.stop(holder)
        notes = crowd.notes
        short = [each for sent, each, _ in notes.short if short_from < sent < long_from - 1]
        failed = [each for each in short if each.how != seen.COMPLETE]
        slow = share([each.seconds for each in short], 0.99)
        stage.check("short", not failed and slow < 1.5, f"{tally(short)}; p99 {slow:.2f} s", [str(e) for e in failed])
        late = [ms for moment, ms in notes.late_ms if short_from < moment < long_to]
        stage.check(
            "events", len(late) > 200 and share(late, 0.99) <= LATE_MS, f"p99 {share(late, 0.99):.1f} ms of {len(late)}"
        )
        long = [each for sent, each, _ in notes.short if long_from + 0.5 < sent < long_to - WAITS_AT_MOST_S - 1]
        wrong = [each for each in long if each.code != REFUSED or not 9 < each.seconds < WAITS_AT_MOST_S + 2]
        most = max((each.seconds for each in long), default=0.0)
        told = f"{tally(long)}; at most {most:.1f} s"
        stage.check("long", len(long) > 20 and not wrong, told, [str(each) for each in wrong])
        _check_streams(stage, notes)
        _check_back(stage, notes, long_to + 2)
        stage.check("books", *told_of(here.books(notes.seen)))


@scenario(
    "mariadb",
    "The database server goes and comes back",
    done="MariaDB under load: stopped for 4 s and started, killed (kill -9) and started, made to stand still for 6 s.",
    expects={
        "told": "Meanwhile requests are answered 503 storage_unavailable, or served late; nothing else",
        "streams": "Streams that had begun go on to their end",
        "back": "5 s after each return everybody is served again, without a restart",
        "books": "The books balance",
    },
)
def mariadb(stage: Stage) -> None:
    """The server is away."""
    server = MariaDB(stage.processes)
    with place(stage.processes, database_url=server.create_database(), workers=2) as here:
        back: list[tuple[float, float]] = []
        with Crowd(here.gateway.port, here.members) as crowd:
            time.sleep(2)
            for number in (signal.SIGTERM, signal.SIGKILL):
                server.stop(number=number)
                time.sleep(4)
                server.start()
                back.append((time.monotonic() + 5, time.monotonic() + 8))
                time.sleep(8)
            os.kill(server.pid, signal.SIGSTOP)
            time.sleep(6)
            os.kill(server.pid, signal.SIGCONT)
            back.append((time.monotonic() + 5, time.monotonic() + 8))
            time.sleep(8)
        notes = crowd.notes
        asked = [each for _, each, _ in notes.short]
        strange = [each for each in asked if each.how != seen.COMPLETE and each.code != REFUSED]
        stage.check("told", not strange, tally(asked), [str(each) for each in strange])
        _check_streams(stage, notes)
        after = [each for sent, each, _ in notes.short if any(begin < sent < end for begin, end in back)]
        failed = [each for each in after if each.how != seen.COMPLETE]
        stage.check("back", len(after) > 100 and not failed, tally(after), [str(each) for each in failed])
        stage.check("books", *told_of(here.books(notes.seen)))


def _check_streams(stage: Stage, notes: Notes) -> None:
    """Hold all streams that had output to their end; those that were refused had not begun."""
    begun = [each for each in notes.streams if each.has_output or each.how not in (seen.COMPLETE, seen.REFUSED)]
    cut = [each for each in begun if each.how != seen.COMPLETE]
    stage.check("streams", len(begun) > 10 and not cut, tally(begun), [str(each) for each in cut])


def _check_back(stage: Stage, notes: Notes, since: float) -> None:
    after: list[Seen] = [each for sent, each, _ in notes.short if sent > since]
    failed = [each for each in after if each.how != seen.COMPLETE]
    stage.check("back", len(after) > 20 and not failed, tally(after), [str(each) for each in failed])


def _fill(path: Path) -> None:
    """Write until the file system takes no further byte."""
    with path.open("wb", buffering=0) as file:
        for size in (1024 * 1024, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
