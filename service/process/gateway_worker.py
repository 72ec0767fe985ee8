"""A gunicorn worker that ends without losing a request: gunicorn's own for gevent, with another way of serving and end.

It serves plain HTTP/1.1, without the hooks, the access log and the other protocols that gunicorn asks after for each
request. Told to stop, it takes over the connections that wait in the listening socket's queue (closing the socket would
reset them), closes the socket at once, says ``Connection: close`` on every answer that has not begun, gives
connections that wait for their next request ``IDLE_GRACE_S``, and ends when the last answer has left, or after
``graceful_timeout``.

One whose master is gone while it loads ends there and then (``parent_death``). Later it notices within
``NOTIFY_EVERY_S``, closes the socket before anything that takes time, and cuts what runs: the next master needs the
port, and nobody would bound the wait for streams.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn import util
from gunicorn.http.errors import NoMoreData
from gunicorn.workers.ggevent import GeventWorker

from service.process import draining, parent_death
from service.process.answer import Answer
from service.process.connection_shares import Share
from service.process.even_server import EvenServer
from service.process.loading import patch_all
from service.process.request_head import Environs, Head, HeadParser, plain
from service.process.waits import WaitOver, Waits

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# A request that was under way when the worker was told to stop has come by then; a pause of its client's has not.
IDLE_GRACE_S = 1.0
MOST_WAITING = 4000
"""Connections that wait for a head, never more than half of all that a worker holds; each takes 13 KB."""
MOST_SENDING = 2000
"""Connections whose request's body is still to come, never more than an eighth of all."""
MOST_UNREAD = 1000
"""Connections that do not take what is sent to them, never more than an eighth of all; each holds a piece of it."""
NOTIFY_EVERY_S = 1.0
"""That the loop goes on; the master ends a worker whose loop stands still."""
LOOK_EVERY_S = 0.1
STALLED_MS = 120_000
"""It may be a machine that went to sleep."""


class _MasterGone(SystemExit):
    """There is no master any more: it was killed, and this worker is an orphan."""


class GatewayWorker(GeventWorker):  # type: ignore[misc]
    """Serves until it is told to stop, then drains; ``service`` is the application as it was loaded."""

    wsgi: WSGIApplication
    alive: bool
    share: Share | None = None
    """Of the connections, where the master has given one."""
    _is_told_to_stop: Event | None = None

    def patch(self) -> None:
        """Let gevent stand in for what blocks, and make the listening sockets its own."""
        patch_all()  # before gunicorn's own would do it
        super().patch()

    def load_wsgi(self) -> None:
        """Load the application, and prepare what is the same for all requests."""
        super().load_wsgi()
        parent_death.outlive_parent()  # from here on there is something to end in order
        self.notify()
        gevent.config.track_greenlet_tree = False  # where each greenlet was started: 6 KB a stream, for debuggers
        self.service = self.wsgi
        self._settings = plain(self.cfg)
        self._environs = Environs(self._settings)
        self._waits = Waits(self._settings.keepalive, min(MOST_WAITING, self.worker_connections // 2))
        # How long a body may take is its reader's to say, and how long an answer may, nobody's.
        self._body_waits = Waits(None, min(MOST_SENDING, self.worker_connections // 8))
        self._answer_waits = Waits(None, min(MOST_UNREAD, self.worker_connections // 8))

    def notify(self) -> None:
        """Show the master that the loop goes on.

        Raises:
            _MasterGone: there is nobody to show it to.
        """
        self.tmp.notify()
        if os.getppid() != self.ppid:
            raise _MasterGone(0)

    def handle(self, listener: _Address, client: Any, addr: Any) -> None:
        """Serve a connection: its requests, one after the other, until it or the worker ends."""
        here = listener.getsockname()
        parser = HeadParser(self._settings, client, addr, self._body_waits)
        head = None
        if self.share is not None:
            self.share.opened()
        try:
            while True:
                head = None
                with self._waits:
                    head = next(parser)
                if head is None:
                    break
                self.handle_request(here, head, client, addr)
        except (NoMoreData, StopIteration, gevent.GreenletExit):  # the last: cut between two requests
            pass
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN):
                self.log.exception("Socket error processing request.")
        except BaseException as error:  # answered as gunicorn does, in the words of server_errors
            self.handle_error(head, client, addr, error)
        finally:
            util.close(client)
            if self.share is not None:
                self.share.closed()

    def handle_request(self, listener_name: Any, req: Head, sock: Any, addr: Any) -> None:
        """Answer one request.

        Raises:
            StopIteration: it was the connection's last one.
        """
        self.nr += 1
        if self.nr >= self.max_requests:
            self._stop()
        answer = Answer(req, sock, self._settings, self._answer_waits, is_last=lambda: not self.alive)
        try:
            if req.is_awaited:
                sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            pieces = self.wsgi(self._environs.of(req, sock, addr, listener_name), answer.start_response)
            try:
                for piece in pieces:
                    answer.write(piece)
                answer.close()
            finally:
                close = getattr(pieces, "close", None)
                if close is not None:
                    close()
        except OSError:
            raise
        except (Exception, SystemExit):
            if not answer.headers_sent:
                raise
            self.log.exception("Error handling request")
            with suppress(OSError):  # whoever reads on must not take what came for the whole
                sock.shutdown(socket.SHUT_RDWR)
            raise StopIteration from None
        except (gevent.GreenletExit, WaitOver):  # the worker ends and cuts what still runs; others need the room
            raise StopIteration from None
        if answer.should_close() or answer.is_short:
            raise StopIteration

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, on SIGTERM; ``run`` sees to it."""
        self._stop()
        draining.begin()

    def run(self) -> None:
        """Accept connections until told to stop, then serve those that are there to their end."""
        self._is_told_to_stop = told = Event()
        servers = [self._serve(listener) for listener in self.sockets]
        if self.share is not None:
            self.share.accept()
        try:
            self._serve_to_the_end(servers, told)
        except _MasterGone:
            for server in servers:
                server.close()
            self._stop()
            draining.begin()
            self.log.warning("worker %s: the main process is gone; requests that still run are cut", self.pid)
            for server in servers:
                server.stop(timeout=0)
            raise

    def _serve_to_the_end(self, servers: list[StreamServer], told: Event) -> None:
        while self.alive:
            self.notify()
            told.wait(NOTIFY_EVERY_S)
        draining.begin()
        if self.share is not None:
            self.share.accept_none()
        for server in servers:
            _take_over_queue(server)
            server.close()
        self._waits.shorten(IDLE_GRACE_S)
        if not self._drained(servers):
            self.log.warning("worker %s: requests that still run are cut, drain_seconds are over", self.pid)
            for server in servers:
                server.stop(timeout=1)

    def _stop(self) -> None:
        self.alive = False
        if self._is_told_to_stop is not None:
            self._is_told_to_stop.set()

    def _serve(self, listener: Any) -> StreamServer:
        listener.setblocking(1)
        if listener.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
            # Connections inherit it: who takes no byte of an answer for so long is given up by the kernel.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
        handle = partial(self.handle, _Address(listener.getsockname()))
        server = EvenServer(listener, handle, Pool(self.worker_connections), self.share)
        server.start()
        return server

    def _drained(self, servers: list[StreamServer]) -> bool:
        end = time.monotonic() + self.cfg.graceful_timeout
        while any(len(server.pool) for server in servers):
            if time.monotonic() >= end:
                return False
            self.notify()
            gevent.sleep(LOOK_EVERY_S)
        return True


class _Address:
    """What gunicorn asks a listening socket for, still there when the socket is closed: many a request comes after."""

    def __init__(self, name: Any) -> None:
        self._name = name

    def getsockname(self) -> Any:
        return self._name


def _take_over_queue(server: StreamServer) -> None:
    """Begin to serve the connections that the kernel has accepted and nobody has taken yet."""
    server.stop_accepting()
    while not server.full():
        taken = server.do_read()
        if not taken:
            return
        server.do_handle(*taken)
