"""Sends an answer as its script says: when, in which pieces, with which faults."""

import time
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from functools import partial
from http import HTTPStatus

import gevent

from demo_upstream.framing import BAD_JSON, BAD_UTF8, COMMENT, DONE, Framer, Packer
from demo_upstream.script import DEFAULT_POSITION, Script
from demo_upstream.wire import Wire

Event = tuple[str, bytes]
Step = Callable[[], bool]  # whether the stream goes on
_FLUSH = 64 * 1024  # bytes gathered by a burst before a write
_BREATH = 64  # events after which other streams get their turn
# What typical backends add to their answers; a gateway must let none of it through.
_VENDOR_HEADERS = (
    "Server: demo-backend/7.1\r\n"
    "X-Demo-Backend: demo-backend-7\r\n"
    "OpenAI-Organization: demo-backend-org\r\n"
    "OpenAI-Processing-Ms: 12\r\n"
    "OpenAI-Version: 2020-10-01\r\n"
    "X-Request-Id: req_demo-backend-0001\r\n"
    "X-RateLimit-Limit-Requests: 4242\r\n"
    "X-RateLimit-Remaining-Requests: 4241\r\n"
    "Set-Cookie: demo_backend_session=demo-backend; Path=/; HttpOnly\r\n"
)
_BODILESS = (204, 304)
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Delivery:
    """The sending of one answer on one wire."""

    def __init__(self, wire: Wire, script: Script) -> None:
        self._wire = wire
        self._script = script
        self._pending = b""  # the head, which leaves with the first bytes of the body unless there is a wait
        self._framer = Framer(script)
        self._due = 0.0
        self._chunked = False
        self._streaming = False  # comments may stand between the events; not in a compressed stream

    def whole(self, status: int, content_type: str, body: bytes) -> None:
        """Send an answer in one piece; cuts, resets and silences come in the middle of its body."""
        script = self._script
        if status in _BODILESS:
            body = b""
        middle = script.silence or script.cut is not None or script.drop is not None or _is_position(script.reset)
        if script.write or script.gzip:
            self._head(status, content_type, None)
            packer = Packer(script, chunked=self._chunked)
            for part in packer.parts(body):
                self._send(part)
            self._end(packer)
            return
        half = len(body) // 2
        length = half if script.cut is not None else len(body)
        self._head(status, content_type, length)
        if not middle:
            self._send(body)
            return
        self._send(body[:half])
        for silence in script.silence:
            self._wire.pause(silence.what)
        if _is_position(script.reset):
            self._wire.reset()
        if script.drop is not None:
            self._wire.drop()
        if script.cut is None:
            self._send(body[half:])

    def stream(self, events: Iterator[Event], failure: Callable[[str], Iterator[Event]], *, done: bool) -> None:
        """Send events as they come; ``failure`` makes the events of a scripted error."""
        script = self._script
        self._streaming = not script.gzip
        self._head(200, "text/event-stream", None)
        packer = Packer(script, chunked=self._chunked)
        self._due = time.monotonic()
        if self._is_plain():
            self._run_plain(events, packer)
        elif not self._run_scripted(events, failure, packer):
            done = done and script.cut is None
        if done and not script.no_done:
            self._put(packer, self._framer.frame("", DONE))
        self._end(packer)

    def _is_plain(self) -> bool:
        script = self._script
        faults = (
            script.cut,
            script.drop,
            script.bad_json,
            script.bad_utf8,
            script.long_line,
            script.stream_error,
        )
        odd = script.silence or script.frame or script.write or script.gzip or script.burst
        return not odd and script.endless in (None, "deltas") and faults == (None,) * 6 and not script.reset

    def _run_plain(self, events: Iterator[Event], packer: Packer) -> None:
        wire, chunked, pace = self._wire, self._chunked, self._script.pace / 1000
        send = wire.send
        for name, payload in events:
            data = b"data: %b\n\n" % payload
            if name:
                data = b"event: %b\n%b" % (name.encode(), data)
            if chunked:
                data = b"%x\r\n%b\r\n" % (len(data), data)
            if self._pending:
                data, self._pending = self._pending + data, b""
            send(data)
            wire.events += 1
            if pace:
                self._wait_until_due(pace)
            elif wire.events % _BREATH == 0:
                gevent.sleep(0)

    def _run_scripted(self, events: Iterator[Event], failure: Callable[[str], Iterator[Event]], packer: Packer) -> bool:
        """Send events, and at its place what the script has planned; False when that ended the stream."""
        pace = self._script.pace / 1000
        burst: list[bytes] = []
        gathered = 0
        steps = self._steps(failure, packer)
        for name, payload in events:
            for step in steps.pop(self._wire.events, ()):
                self._flush(packer, burst)
                gathered = 0
                if not step():
                    return False
            data = self._framer.frame(name, payload)
            self._wire.events += 1
            if self._script.burst:
                burst.extend(packer.parts(data))
                gathered += len(data)
                if gathered >= _FLUSH:
                    self._flush(packer, burst)
                    gathered = 0
                continue
            self._put(packer, data)
            if pace:
                self._wait_until_due(pace)
            elif self._wire.events % _BREATH == 0:
                gevent.sleep(0)
        self._flush(packer, burst)
        return True

    def _steps(self, failure: Callable[[str], Iterator[Event]], packer: Packer) -> dict[int, list[Step]]:
        """What happens after how many events, in the order in which it is to happen."""
        script = self._script
        steps: dict[int, list[Step]] = {}

        def at(events: int | None, step: Callable[[], object], *, ends: bool = False) -> None:
            if events is not None:
                steps.setdefault(events, []).append(lambda: (step(), not ends)[1])

        for silence in script.silence:
            at(silence.events, partial(self._silence, silence.what))
        at(script.bad_json, lambda: self._put(packer, self._framer.frame("", BAD_JSON)))
        at(script.bad_utf8, lambda: self._put(packer, self._framer.frame("", BAD_UTF8)))
        at(DEFAULT_POSITION if script.long_line else None, lambda: self._long_line(packer))
        at(
            DEFAULT_POSITION if script.endless in ("comments", "bytes") else None,
            lambda: self._endless(packer),
        )
        error = script.stream_error
        if error is not None:
            at(error.events, lambda: self._put_all(packer, failure(error.what)), ends=True)
        at(script.cut, lambda: None, ends=True)
        at(script.drop, self._wire.drop)
        at(int(script.reset) if script.reset and _is_position(script.reset) else None, self._wire.reset)
        return steps

    def _head(self, status: int, content_type: str, length: int | None) -> None:
        """Make the head; what the script says of the time before and after it happens here."""
        script, wire = self._script, self._wire
        if script.delay:
            wire.pause(script.delay)
        if script.reset == "before":
            wire.reset()
        if script.unchunked or (wire.http_1_0 and length is None):
            length, wire.keep_alive = None, False
            self._chunked = False
        else:
            self._chunked = length is None
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Demo')}\r\n", _VENDOR_HEADERS]
        lines.append(f"Content-Type: {script.content_type or content_type}\r\n")
        if self._chunked:
            lines.append("Transfer-Encoding: chunked\r\n")
        elif length is not None and status not in _BODILESS:
            lines.append(f"Content-Length: {length}\r\n")
        if script.gzip:
            lines.append("Content-Encoding: gzip\r\n")
        if script.retry_after is not None:
            lines.append(f"Retry-After: {_retry_after(script.retry_after)}\r\n")
        lines.extend(f"{name}: {value}\r\n" for name, value in script.header)
        if not wire.keep_alive:
            lines.append("Connection: close\r\n")
        if script.close:
            wire.keep_alive = False  # without telling: the client may try to use the connection again
        self._pending = ("".join(lines) + "\r\n").encode("latin-1", "replace")
        if script.wait or script.reset == "headers":
            self._send(b"")
            self._quiet(script.wait)
        if script.reset == "headers":
            wire.reset()

    def _send(self, data: bytes) -> None:
        if self._pending:
            data, self._pending = self._pending + data, b""
        self._wire.send(data)

    def _put(self, packer: Packer, data: bytes) -> None:
        for part in packer.parts(data):
            self._send(part)
            if self._script.write == "halves":
                gevent.sleep(0.001)  # lest the halves arrive as one

    def _put_all(self, packer: Packer, events: Iterable[Event]) -> None:
        for name, payload in events:
            self._put(packer, self._framer.frame(name, payload))
            self._wire.events += 1

    def _flush(self, packer: Packer, burst: list[bytes]) -> None:
        if burst:
            self._send(b"".join(burst))
            burst.clear()

    def _end(self, packer: Packer) -> None:
        self._send(packer.end())

    def _silence(self, seconds: float) -> None:
        self._send(b"")  # the head must not wait
        self._quiet(seconds)

    def _quiet(self, seconds: float) -> None:
        """Wait; in a stream, if the script wants comment lines meanwhile, send them."""
        every = self._script.keepalive
        comment = b"%x\r\n%b\r\n" % (len(COMMENT), COMMENT) if self._chunked else COMMENT
        left = seconds
        while self._streaming and every and left > every:
            self._wire.pause(every)
            self._wire.send(comment)
            left -= every
        self._wire.pause(left)

    def _long_line(self, packer: Packer) -> None:
        self._put(packer, b"data: ")
        for _ in range((self._script.long_line or 0) * 16):
            self._put(packer, b"x" * 65536)
        self._put(packer, b"\n\n")

    def _endless(self, packer: Packer) -> None:
        tiny = COMMENT if self._script.endless == "comments" else b"x"
        while True:
            for _ in range(_BREATH):
                self._put(packer, tiny)
            self._wire.pause(max(self._script.pace / 1000, 0.001))

    def _wait_until_due(self, pace: float) -> None:
        """Pause until the next event is due; counted from the start, so that slow writes do not add up."""
        self._due += pace
        self._wire.pause(max(0.0, self._due - time.monotonic()))


def _is_position(reset: str | None) -> bool:
    return reset is not None and reset.isdecimal()


def _retry_after(text: str) -> str:
    return formatdate(time.time() + float(text[5:]), usegmt=True) if text.startswith("date:") else text
