"""What the gunicorn master does beside gunicorn's own: one generation of processes gives way to the next.

- Workers tell it when they serve, so that it can say so (to systemd too), and so that on a reload the old ones are
  stopped only then.
- A worker that cannot be loaded, because code is just being replaced perhaps, is tried again while others serve;
  gunicorn's own would stop those.
- On SIGUSR2 a new master is started from the code as it now is; it inherits the listening socket. When its workers
  serve, it tells the old master through a pipe, which then stops as on SIGTERM: its streams end, bounded by
  ``drain_seconds``. A new master that ends before that leaves everything as it was.

No gevent here, and nothing that it would have to patch.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gunicorn import systemd
from gunicorn.errors import HaltServer

from service.process import parent_death, startup
from service.process.connection_shares import ConnectionShares
from service.process.listening import take_no_more

HAND_OVER_FD = "SMARTROUTE_HAND_OVER_FD"  # where a new master tells the old one that it serves
READY = b"ready"
LOAD_AGAIN_S = 5  # a worker that could not be loaded
MORE_WORKERS = 64  # than two generations: those of earlier reloads, whose streams still run
FORCE_S = 5  # what workers have to cut their streams and close their rows, when drain_seconds are over

_master: list[Master] = []


class Master:
    """The state of this master process; hooks into gunicorn's ``server`` (its Arbiter)."""

    def __init__(self, server: Any) -> None:
        """Take over from the environment what an old master and systemd left there."""
        self._server = server
        self._shares = ConnectionShares(2 * server.cfg.workers + MORE_WORKERS)
        self._gunicorns_promote = server.maybe_promote_master
        self._told, self._tell = os.pipe()
        os.set_blocking(self._told, False)
        self._serving: set[int] = set()  # workers that have told
        self._age_before = 0  # workers older than this are of an earlier generation
        self._waits = True
        self._no_worker_before = 0.0  # monotonic clock
        self._ends = False
        self._notify_socket = os.environ.pop("NOTIFY_SOCKET", None)
        self._old_master: int | None = None  # the pipe to it
        self._new_master: int | None = None  # the pipe from it
        if HAND_OVER_FD in os.environ:
            self._old_master = int(os.environ.pop(HAND_OVER_FD))
            os.set_inheritable(self._old_master, False)

    # -- workers ---------------------------------------------------------------------------------------------

    def tell(self, pid: int) -> None:
        """Say, in a worker, that it serves."""
        os.write(self._tell, b"%d\n" % pid)
        os.kill(os.getppid(), signal.SIGCHLD)  # wakes the master, which then finds no dead child

    def give_share(self, worker: Any) -> None:
        """Let a worker that is about to be forked know how many connections the others hold."""
        # gunicorn does not tell of the end of one that could not be loaded.
        self._shares.keep({each.age for each in list(self._server.WORKERS.values())})
        worker.share = self._shares.of_worker(worker.age)

    def worker_ended(self, worker: Any) -> None:
        """Forget what a worker held."""
        self._shares.forget(worker.age)

    def begin_generation(self) -> None:
        """Keep the old workers until those that are started next serve."""
        self._age_before = self._server.worker_age
        self._waits = True
        self._server.num_workers = len(self._server.WORKERS) + self._server.cfg.workers
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def reap(self, gunicorns_reap: Callable[[], None]) -> None:
        """Take note of the workers that have ended, however they did.

        Raises:
            HaltServer: one could not be loaded, and no other serves; told once, where several could not.
        """
        while True:
            try:
                gunicorns_reap()
            except HaltServer:
                if self._ends:
                    continue
                self._hear()
                if not self._serving:
                    raise
                self._no_worker_before = time.monotonic() + LOAD_AGAIN_S
                startup.say(f"a worker could not be loaded (see above): others serve, next try in {LOAD_AGAIN_S} s")
            else:
                return

    @property
    def may_start_workers(self) -> bool:
        """Tell whether the last one that could not be loaded was long enough ago; where there is none, it was."""
        return time.monotonic() >= self._no_worker_before or not self._server.WORKERS

    def look(self) -> None:
        """See what workers and masters told; called in each turn of the master's loop.

        Raises:
            StopIteration: a new master serves, this one shall stop.
        """
        self._hear()
        if self._waits and self._generation_serves():
            self._waits = False
            self._server.num_workers = self._server.cfg.workers
            self._server.manage_workers()  # stops the older ones
            self._all_serve()
            startup.do_what_was_put_off()
        self._look_at_new_master()

    @property
    def takes_over(self) -> bool:
        """Tell whether another master, which this one replaces, still serves."""
        return self._old_master is not None

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while told := os.read(self._told, 65_536):
                self._serving.update(int(pid) for pid in told.split())
        self._serving &= set(self._server.WORKERS)

    def _generation_serves(self) -> bool:
        workers = [pid for pid, worker in self._server.WORKERS.items() if worker.age > self._age_before]
        return len(workers) >= self._server.cfg.workers and self._serving.issuperset(workers)

    def _all_serve(self) -> None:
        if self._old_master is None:
            self._notify("READY=1\nSTATUS=serving")
            if self._age_before:
                startup.say("the new workers serve; the old ones end when their running requests have")
            return
        # systemd must know the new main process before the old one ends.
        self._notify(f"MAINPID={os.getpid()}\nREADY=1\nSTATUS=serving")
        with contextlib.suppress(OSError):  # it may have died meanwhile
            os.write(self._old_master, READY)
            os.kill(os.getppid(), signal.SIGCHLD)
        os.close(self._old_master)
        self._old_master = None
        startup.announce()
        startup.say(f"process {os.getpid()} has taken over; the old one ends when its running requests have")

    # -- a new master ----------------------------------------------------------------------------------------

    def start_new_master(self) -> None:
        """Start a master from the code as it now is (SIGUSR2)."""
        server = self._server
        if self._new_master is not None:
            startup.say("a new process is starting already; this signal is ignored")
            return
        self._gunicorns_promote()  # the process before this one may have ended within the last second
        if server.master_pid != 0:
            startup.say("the process before this one still ends its requests: send SIGUSR2 again when it has ended")
            return
        me = os.getpid()
        read_end, write_end = os.pipe()
        os.set_inheritable(write_end, True)
        server.cfg.env_orig[HAND_OVER_FD] = str(write_end)
        if self._notify_socket is not None:
            server.cfg.env_orig["NOTIFY_SOCKET"] = self._notify_socket  # a reload forgets what was taken out
        try:
            type(server).reexec(server)
        finally:
            if os.getpid() != me:
                # The new program could not be run. Here is a copy of this master, which must touch nothing.
                os.write(2, b"smart-route: the new process could not be run\n")
                os._exit(1)
            os.close(write_end)
            del server.cfg.env_orig[HAND_OVER_FD]
        os.set_blocking(read_end, False)
        self._new_master = read_end
        startup.say(f"a new process ({server.reexec_pid}) starts; this one serves until the new one does")

    def _look_at_new_master(self) -> None:
        if self._new_master is None:
            return
        try:
            told = os.read(self._new_master, 64)
        except BlockingIOError:
            if self._server.reexec_pid != 0:
                return
            told = b""
        self._forget_new_master()
        if told == READY:
            startup.say(f"process {os.getpid()} ends when its running requests have")
            raise StopIteration
        startup.say(f"the new process did not start (see above): process {os.getpid()} serves on")

    def _forget_new_master(self) -> None:
        if self._new_master is not None:
            os.close(self._new_master)
            self._new_master = None

    # -- the end ---------------------------------------------------------------------------------------------

    def stopping(self) -> None:
        """Stop because somebody said so: a new master that does not serve yet shall not either."""
        self._notify("STOPPING=1\nSTATUS=running requests end")
        if self._new_master is not None and self._server.reexec_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._server.reexec_pid, signal.SIGTERM)
        # systemd keeps a socket of its own for the next start; an old master still serves on the one that it gave.
        if not self._server.systemd and not self.takes_over:
            take_no_more(self._server.LISTENERS)

    def stop(self, gunicorns_stop: Callable[[], None]) -> None:
        """End the workers; what becomes of them from now on changes nothing."""
        self._ends = True
        gunicorns_stop()

    def bound_the_end(self) -> None:
        """Let the workers have ``drain_seconds`` when the service stops."""
        self._server.cfg.set("graceful_timeout", startup.drain_seconds() + FORCE_S)

    def _notify(self, state: str) -> None:
        if self._notify_socket is None:
            return
        os.environ["NOTIFY_SOCKET"] = self._notify_socket
        systemd.sd_notify(state, self._server.log, unset_environment=True)


def take_charge(server: Any) -> None:
    """Hook the house's ways into gunicorn's master, once, before its first worker."""
    master = Master(server)
    _master[:] = [master]
    gunicorns_promote, gunicorns_reload = server.maybe_promote_master, server.reload
    gunicorns_spawn, gunicorns_fill_up, gunicorns_reap = server.spawn_worker, server.spawn_workers, server.reap_workers
    gunicorns_stop = server.stop

    def turn() -> None:
        gunicorns_promote()
        master.look()

    def reload() -> None:
        # gunicorn's own reload stays in a loop, deaf to further signals, until the old workers are gone or
        # graceful_timeout is over. Old workers with long streams are gone late: do not wait for them here.
        try:
            gunicorns_reload()
        finally:
            master.bound_the_end()

    def spawn_worker() -> Any:
        # Between the fork and its own handlers a worker has the master's, which would swallow a SIGTERM: see `forked`.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            return gunicorns_spawn()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def fill_up() -> None:
        if master.may_start_workers:
            gunicorns_fill_up()

    def terminate() -> None:
        master.stopping()
        raise StopIteration

    def interrupt() -> None:
        # The first Ctrl-C lets running requests end, as SIGTERM does; gunicorn itself takes a second one for haste.
        startup.say("stopping: running requests are let end, another Ctrl-C ends them at once")
        master.stopping()
        server.stop()
        raise StopIteration

    server.maybe_promote_master = turn
    server.reload = reload
    server.spawn_worker = spawn_worker
    server.spawn_workers = fill_up
    server.reap_workers = lambda: master.reap(gunicorns_reap)
    server.stop = lambda graceful=True: master.stop(partial(gunicorns_stop, graceful))
    server.reexec = master.start_new_master
    server.handle_term = terminate
    server.handle_int = interrupt
    master.bound_the_end()


def begin_reload(server: Any) -> None:
    """Let new workers serve before the old ones stop, and gunicorn wait for neither."""
    server.cfg.set("graceful_timeout", 0)
    _master[0].begin_generation()


def takes_over() -> bool:
    """Tell whether this master replaces another one, which still serves."""
    return _master[0].takes_over


def before_fork(worker: Any) -> None:
    """Give a worker that is about to be forked what it shares with the others."""
    _master[0].give_share(worker)


def worker_ended(worker: Any) -> None:
    """Take back what was given to a worker that has ended, however it did."""
    _master[0].worker_ended(worker)


def forked(worker: Any) -> None:
    """Let a SIGTERM, or its master's end, end this worker at once until it has loaded what it needs to end in order."""
    parent_death.die_with(worker.ppid)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def tell_serving() -> None:
    """Say, in a worker, that it serves."""
    _master[0].tell(os.getpid())
