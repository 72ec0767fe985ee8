"""One connection to an upstream: made, asked, listened to, each within a time of its own."""

from __future__ import annotations

import select
import ssl
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import requests
from gevent import monkey, socket
from gevent import ssl as gevent_ssl
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from .upstream_head import Head, HeadReader
from .upstream_waits import Waits

PIECE_BYTES = 16 * 1024  # of a burst, some milliseconds of work: the other streams of a worker wait so long
# For a request's bytes to leave; an image over a slow line takes its time.
SEND_S = 60.0
# A connection that was closed before a request came breaks as soon as the request is sent. One that breaks later
# may have begun to answer: a generation must not run twice for one request.
_STALE_S = 0.2

_BROKEN = (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
_NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_PORTS = {"http": 80, "https": 443}
_poll = monkey.get_original("select", "poll")


class NoConnection(requests.exceptions.ConnectionError):
    """The upstream's machine takes no connection, or cannot be reached."""


class NoSuchName(NoConnection):
    """The upstream's host name has no address."""


class StaleConnection(requests.exceptions.ConnectionError):
    """The upstream had closed a kept connection: it has seen nothing of the request, which may be sent anew."""


class Wire:
    """One open connection. A failure leaves it open: whoever holds it closes it."""

    __slots__ = ("_is_drained", "_socket", "_waits", "idle_since", "served")

    def __init__(self, connected: Any) -> None:
        """Take over a connected socket of gevent's."""
        self._socket = connected
        self._socket.settimeout(0)
        self._waits = Waits(connected.fileno())
        self._is_drained = True
        self.served = 0
        self.idle_since = 0.0

    @property
    def is_silent(self) -> bool:
        """Tell whether the connection is open and nothing waits in it; asks the system, not the event loop."""
        poll = _poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        return not poll.poll(0)

    def ask(self, parts: Sequence[bytes], wait_s: float) -> Head:
        """Send a request; return the head of its answer, which comes within ``wait_s`` of the request's end.

        An answer that comes before the request has left whole ends the sending.

        Raises:
            StaleConnection: the connection had been closed before.
            TimeoutError: the request does not leave, or no head comes.
            BadHead: what comes is none.
            OSError: the connection broke.
        """
        reader = HeadReader()
        is_whole = True
        try:
            head = self._send(parts, reader)
            is_whole = head is None
        except _BROKEN:
            head, is_whole = None, False  # it may have said why, and that may be here
        sent_at = time.monotonic()
        try:
            while head is None:
                raw = self.receive(max(0.0, sent_at + wait_s - time.monotonic()))
                if not raw:
                    raise ConnectionResetError("the connection was closed before the answer's header was whole")
                head = reader.feed(raw)
        except _BROKEN as error:
            if self.served and reader.is_empty and time.monotonic() - sent_at <= _STALE_S:
                raise StaleConnection("a kept connection was closed") from error
            raise
        self.served += 1
        return head if is_whole else head._replace(can_be_kept=False)

    def receive(self, timeout_s: float | None) -> bytes:
        """Return what has come, at most ``PIECE_BYTES``; ``b""`` when the upstream has closed the connection.

        Raises:
            TimeoutError: nothing came within ``timeout_s``, where 0 means without a wait.
            OSError: the connection broke.
        """
        late_at = None if timeout_s is None else time.monotonic() + timeout_s
        if self._is_drained and timeout_s != 0:
            self._waits.until(late_at)  # to look first would find nothing, nearly always
        while True:
            try:
                raw: bytes = self._socket.recv(PIECE_BYTES)
            except BlockingIOError as error:
                if timeout_s == 0:
                    raise TimeoutError("nothing has come") from error
            else:
                self._is_drained = len(raw) < PIECE_BYTES
                return raw
            self._waits.until(late_at)

    def close(self) -> None:
        """End the connection."""
        self._waits.close()
        self._socket.close()

    def _send(self, parts: Sequence[bytes], reader: HeadReader) -> Head | None:
        """Send all of it, and return None; or what the upstream takes until it answers, and return that head."""
        deadline = time.monotonic() + SEND_S
        for part in parts:
            left = memoryview(part)
            while left:
                try:
                    sent = self._socket.send(left)
                except _NOTHING_YET:
                    sent = 0
                left = left[sent:]
                if not sent:
                    late = TimeoutError(f"the request did not leave in {SEND_S:.0f} s")
                    socket.wait_readwrite(self._socket.fileno(), max(0.0, deadline - time.monotonic()), late)
                    if (head := self._overheard(reader)) is not None:
                        return head
        return None

    def _overheard(self, reader: HeadReader) -> Head | None:
        try:
            raw = self._socket.recv(PIECE_BYTES)
        except _NOTHING_YET:
            return None
        if not raw:
            raise ConnectionResetError("the connection was closed in the middle of the request")
        return reader.feed(raw)


class SecuredWire(Wire):
    """A connection with TLS, which holds bytes that the socket has given already: only TLS knows what there is."""

    __slots__ = ()

    def receive(self, timeout_s: float | None) -> bytes:
        """As ``Wire.receive``."""
        self._socket.settimeout(timeout_s)
        try:
            raw: bytes = self._socket.recv(PIECE_BYTES)
        except _NOTHING_YET as error:
            raise TimeoutError("nothing came in time") from error
        finally:
            self._socket.settimeout(0)
        return raw


def wire_to(url: str, timeout_s: float) -> Wire:
    """Connect to the host of ``url``, by the first of its addresses that answers within ``timeout_s``.

    Raises:
        NoConnection: no address takes the connection, or the name has none (``NoSuchName``).
        ConnectTimeout: the last address did not answer in time.
        SSLError: TLS fails; certificate and host name are always checked, against the authorities of ``certifi``.
        ReadTimeout: TLS does not come about in time.
        requests.exceptions.ConnectionError: the connection breaks meanwhile.
    """
    place = urlsplit(url)
    host, port = place.hostname or "", place.port or _PORTS[place.scheme]
    try:
        connected = socket.create_connection((host, port), timeout_s)
    except socket.gaierror as error:
        raise NoSuchName(f"{host}: {error}") from error
    except TimeoutError as error:
        raise requests.exceptions.ConnectTimeout(f"{host}, port {port}: no connection in {timeout_s} s") from error
    except OSError as error:
        raise NoConnection(f"{host}, port {port}: {error}") from error
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return SecuredWire(_secured(connected, host)) if place.scheme == "https" else Wire(connected)


def _secured(connected: Any, host: str) -> Any:
    try:
        connected = _trust().wrap_socket(connected, server_hostname=host.rstrip("."), do_handshake_on_connect=False)
        connected.do_handshake()
    except BaseException as error:
        connected.close()
        if isinstance(error, ssl.SSLError):
            raise requests.exceptions.SSLError(f"{host}: {error}") from error
        if isinstance(error, TimeoutError):
            raise requests.exceptions.ReadTimeout(f"{host}: TLS did not come about in time") from error
        if isinstance(error, OSError):
            raise requests.exceptions.ConnectionError(f"{host}: {error}") from error
        raise
    return connected


@lru_cache(maxsize=1)
def _trust() -> Any:
    context = gevent_ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    context.set_alpn_protocols(["http/1.1"])
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context
