"""A gunicorn worker that ends without losing a request: gunicorn's own for gevent, with another end.

Told to stop, it takes over the connections that wait in the listening socket's queue (closing the socket would
reset them), closes the socket at once, says ``Connection: close`` on every answer that has not begun, gives
connections that wait for their next request ``IDLE_GRACE_S``, and ends when the last answer has left, or after
``graceful_timeout``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

import gevent
import gevent.event
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.workers.ggevent import GeventWorker

from service.process import draining

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# A request that was under way when the worker was told to stop has come by then; a pause of its client's has not.
IDLE_GRACE_S = 1.0
LOOK_EVERY_S = 0.1


class GatewayWorker(GeventWorker):  # type: ignore[misc]
    """Serves until it is told to stop, then drains; ``service`` is the application as it was loaded."""

    wsgi: WSGIApplication

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take what gunicorn gives each worker."""
        super().__init__(*arguments, **options)
        self._waiting: set[_Wait] = set()

    def load_wsgi(self) -> None:
        """Load the application, and have its last answers close their connections."""
        super().load_wsgi()
        self.service = self.wsgi
        self.wsgi = self._closing(self.wsgi)

    def timeout_ctx(self) -> _Wait:
        """Bound the wait for the head of a connection's next request."""
        return _Wait(self._waiting, self.cfg.keepalive if self.alive else IDLE_GRACE_S)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, on SIGTERM; the loop of ``run`` sees to it."""
        self.alive = False
        draining.begin()

    def run(self) -> None:
        """Accept connections until told to stop, then serve those that are there to their end."""
        servers = [self._serve(listener) for listener in self.sockets]
        notified = 0.0
        while self.alive:
            if time.monotonic() - notified >= 1:
                self.notify()
                notified = time.monotonic()
            gevent.sleep(LOOK_EVERY_S)
        draining.begin()
        for server in servers:
            _take_over_queue(server)
            server.close()
        late = gevent.spawn_later(IDLE_GRACE_S, self._end_idle)
        if not self._drained(servers):
            self.log.warning("worker %s: requests that still run are cut, drain_seconds are over", self.pid)
            for server in servers:
                server.stop(timeout=1)
        late.kill()

    def _serve(self, listener: Any) -> StreamServer:
        listener.setblocking(1)
        handle = partial(self.handle, _Address(listener.getsockname()))
        server = StreamServer(listener, handle=handle, spawn=Pool(self.worker_connections))
        if self.cfg.workers > 1:
            server.max_accept = 1  # leave the next connection to another worker
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

    def _end_idle(self) -> None:
        for wait in list(self._waiting):
            wait.end()

    def _closing(self, app: WSGIApplication) -> WSGIApplication:
        def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            response = start_response.__self__  # type: ignore[attr-defined]  # gunicorn's Response

            def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
                if not self.alive:
                    response.force_close()
                return start_response(status, headers, exc_info)

            return app(environ, start)

        return serve


class _Address:
    """What gunicorn asks a listening socket for, still there when the socket is closed: many a request comes after."""

    def __init__(self, name: Any) -> None:
        self._name = name

    def getsockname(self) -> Any:
        return self._name


class _Wait:
    """The wait for a request's head, bounded; ``end`` ends it early. Whoever waits then finds no request."""

    def __init__(self, waiting: set[_Wait], seconds: float) -> None:
        self._waiting = waiting
        self._timeout = gevent.Timeout(seconds, False)
        self._ending: Any = None  # what the loop is to call, once ``end`` was

    def __enter__(self) -> _Wait:
        self._greenlet = gevent.getcurrent()
        self._waiting.add(self)
        self._timeout.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._waiting.discard(self)
        self._timeout.close()
        if self._ending is not None:
            self._ending.stop()  # a request that came in this moment must not be ended by it
        return error is self._timeout

    def end(self) -> None:
        self._waiting.discard(self)
        self._ending = gevent.get_hub().loop.run_callback(self._greenlet.throw, self._timeout)


def _take_over_queue(server: StreamServer) -> None:
    """Begin to serve the connections that the kernel has accepted and nobody has taken yet."""
    server.stop_accepting()
    while not server.full():
        taken = server.do_read()
        if not taken:
            return
        server.do_handle(*taken)
