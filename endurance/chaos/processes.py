"""Workers and masters that are killed, and a catalog that is read again, under load."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sqlite3
import time

from endurance import seen
from endurance.chaos.crowd import Crowd, Notes, tally
from endurance.chaos.place import Place, place, told_of
from endurance.chaos.scenario import Stage, scenario
from endurance.ledger import Ledger
from tests.harness.processes import is_alive, wait_until

KILLS = 5
CLOSED_WITHIN_S = 15.0
ENDED_WITHIN_S = 10.0


@scenario(
    "kill-workers",
    "Workers are killed one after the other",
    done=f"Two workers under load; kill -9 of one, {KILLS} times, each time once its successor serves.",
    expects={
        "served": "Somebody is answered in every 2 s",
        "broken": "What the killed worker served breaks off; nobody is answered an error",
        "closed": f"{CLOSED_WITHIN_S:g} s after the last kill no reservation is open",
        "books": "The books balance",
    },
)
def kill_workers(stage: Stage) -> None:
    """Kill -9 of workers."""
    with place(stage.processes, workers=2) as here:
        ledger = Ledger(here.gateway.database_url)
        with Crowd(here.gateway.port, here.members, gap_s=0.1) as crowd:
            for _ in range(KILLS):
                wait_until("two workers serve", lambda: _serving(here) == 2, timeout_s=60)
                time.sleep(1)
                here.gateway.kill9_worker()
            killed_at = time.monotonic()
            wait_until("two workers serve again", lambda: _serving(here) == 2, timeout_s=60)
            time.sleep(1)
        notes = crowd.notes
        wait_until("all closed", lambda: ledger.open_rows() == 0, timeout_s=60, pause_s=0.2)
        closed_s = time.monotonic() - killed_at
        _check_served(stage, notes, 2.0)
        refused = [each for each in notes.seen if each.how in (seen.REFUSED, seen.BROKEN)]
        stage.check("broken", not refused, tally(notes.seen), [str(each) for each in refused])
        stage.check("closed", closed_s <= CLOSED_WITHIN_S, f"closed {closed_s:.1f} s after it, at most")
        stage.check("books", *told_of(here.books(notes.seen, had_kills=True)))


@scenario(
    "kill-master",
    "The main process is killed",
    done="Two workers under load; kill -9 of the main process. What supervises it starts it anew as soon as its workers"
    " have ended.",
    expects={
        "ended": f"The workers that it leaves behind end within {ENDED_WITHIN_S:g} s, by themselves",
        "back": "The service started anew on the same port and database answers at once",
        "books": "The books balance",
    },
)
def kill_master(stage: Stage) -> None:
    """Kill -9 of the master."""
    with place(stage.processes, workers=2) as here:
        with Crowd(here.gateway.port, here.members, gap_s=0.1) as crowd:
            time.sleep(3)
            workers = here.gateway.worker_pids()
            os.kill(here.gateway.master_pid, signal.SIGKILL)
            killed_at = time.monotonic()
            wait_until("its workers' end", lambda: not any(map(is_alive, workers)), timeout_s=60)
            ended_s = time.monotonic() - killed_at
            stage.check("ended", ended_s <= ENDED_WITHIN_S, f"{ended_s:.1f} s")
            here.gateway.start()
            started_at = time.monotonic()
            time.sleep(4)
        notes = crowd.notes
        after = [each for sent, each, _ in notes.short if sent > started_at]
        failed = [each for each in after if each.how != seen.COMPLETE]
        stage.check("back", len(after) > 50 and not failed, tally(after), [str(each) for each in failed])
        stage.check("books", *told_of(here.books(notes.seen, had_kills=True)))


@scenario(
    "reload",
    "The catalog is read again under load",
    done="Two workers under load; SIGHUP twice, then SIGUSR2, each once the one before is through.",
    expects={
        "all": "Every request is answered and no stream is cut",
        "served": "Somebody is answered in every 2 s",
        "books": "The books balance",
    },
)
def reload(stage: Stage) -> None:
    """SIGHUP and SIGUSR2."""
    with place(stage.processes, workers=2) as here:
        with Crowd(here.gateway.port, here.members, gap_s=0.1) as crowd:
            time.sleep(1)
            for _ in range(2):
                here.gateway.reload()
                time.sleep(1)
            here.gateway.hand_over()
            time.sleep(2)
        notes = crowd.notes
        failed = [each for each in notes.seen if each.how != seen.COMPLETE]
        stage.check("all", not failed and len(notes.seen) > 200, tally(notes.seen), [str(each) for each in failed])
        _check_served(stage, notes, 2.0)
        stage.check("books", *told_of(here.books(notes.seen)))


def _serving(here: Place) -> int:
    """Return how many of the living workers have been given a request: it is then that they take a lease."""
    connection = sqlite3.connect(here.gateway.database_url.removeprefix("sqlite:///"))
    with contextlib.closing(connection):
        leases = {pid for (pid,) in connection.execute("SELECT pid FROM worker_leases")}
    return len(leases & set(here.gateway.worker_pids()))


def _check_served(stage: Stage, notes: Notes, longest_s: float) -> None:
    answered = sorted(sent + each.seconds for sent, each, _ in notes.short if each.how == seen.COMPLETE)
    pauses = [after - before for before, after in itertools.pairwise(answered)]
    longest = max(pauses, default=999.0)
    stage.check("served", longest <= longest_s, f"{len(answered)} answers, the longest pause {longest:.2f} s")
