"""HTTP/1.1 on one connection: reads requests, calls the WSGI application, keeps the connection open.

Takes the place of gevent.pywsgi's own handler, which sends head and body in two packets without TCP_NODELAY
(40 ms a request on loopback) and costs several times as much; and a scripted answer must be able to write raw
bytes.
"""

import socket
import sys
import traceback
from collections.abc import Iterable
from functools import lru_cache
from io import BytesIO
from typing import Any

from demo_upstream.wire import Broken, ClientGone, Wire

MAX_HEAD = 64 * 1024
MAX_BODY = 128 * 2**20
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Refused(Exception):
    """A request that is no HTTP, or too large; the text is the status line's end."""


class Connection:
    """One client connection; the signature is that of a ``handler_class`` of gevent.pywsgi.WSGIServer."""

    def __init__(self, sock: Any, address: Any, server: Any) -> None:
        self._sock = sock
        self._server = server
        self._buffer = b""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle(self) -> None:
        """Answer requests until either side closes."""
        try:
            while self._serve_one():
                pass
        except _Refused as exc:
            self._last_words(f"HTTP/1.1 {exc}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        except (ClientGone, Broken, OSError):
            pass  # the journal has noted it; there is nobody to tell
        finally:
            self._sock.close()

    def _last_words(self, data: bytes) -> None:
        try:
            self._sock.sendall(data)
        except OSError:
            return  # the client did not wait for it

    def _serve_one(self) -> bool:
        head = self._read_head()
        if head is None:
            return False
        request_line, *lines = head.split(b"\r\n")
        try:
            method, target, version = request_line.decode("latin-1").split(" ")
        except ValueError as exc:
            raise _Refused("400 Bad Request") from exc
        headers = [(name.decode("latin-1"), value.strip().decode("latin-1")) for name, value in map(_cut, lines)]
        named = {name.lower(): value for name, value in headers}
        body = self._read_body(named)
        http_1_0 = version == "HTTP/1.0"
        asked = named.get("connection", "").lower()
        wire = Wire(self._sock, http_1_0=http_1_0, keep_alive=asked == "keep-alive" if http_1_0 else asked != "close")
        path, _, query = target.partition("?")
        environ = {
            **self._server.get_environ(),
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_PROTOCOL": version,
            "wsgi.input": BytesIO(body),
            "demo.wire": wire,
            "demo.headers": headers,
        }
        for name, value in named.items():
            environ[_environ_name(name)] = value
        self._run(environ, wire)
        return wire.keep_alive

    def _run(self, environ: dict[str, Any], wire: Wire) -> None:
        answer: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            answer[:] = [status, headers]
            return None

        try:
            parts: Iterable[bytes] = self._server.application(environ, start_response)
        except (ClientGone, Broken):
            raise
        except Exception:
            traceback.print_exc(file=sys.stderr)
            raise _Refused("500 Internal Server Error") from None
        if not wire.started:
            body = b"".join(parts)
            lines = [*answer[1], ("Content-Length", str(len(body)))]
            if not wire.keep_alive:
                lines.append(("Connection", "close"))
            head = "".join(f"{name}: {value}\r\n" for name, value in lines)
            wire.send(f"HTTP/1.1 {answer[0]}\r\n{head}\r\n".encode("latin-1") + body)

    def _read_head(self) -> bytes | None:
        """The bytes up to the empty line; None when the client has closed between two requests."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD:
                raise _Refused("431 Request Header Fields Too Large")
            data = self._sock.recv(65536)
            if not data:
                return None
            self._buffer += data
        head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        return head

    def _read_body(self, headers: dict[str, str]) -> bytes:
        if headers.get("expect", "").lower() == "100-continue":
            self._sock.sendall(_CONTINUE)
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._read_chunks()
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            raise _Refused("400 Bad Request")
        return self._take(int(length))

    def _read_chunks(self) -> bytes:
        parts: list[bytes] = []
        total = 0
        while True:
            size_text = self._line().partition(b";")[0].strip()
            try:
                size = int(size_text, 16)
            except ValueError as exc:
                raise _Refused("400 Bad Request") from exc
            if size == 0:
                break
            total += size
            if total > MAX_BODY:
                raise _Refused("413 Content Too Large")
            parts.append(self._take(size))
            self._line()
        while self._line():  # trailers
            pass
        return b"".join(parts)

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD:
                raise _Refused("400 Bad Request")
            self._more()
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return line

    def _take(self, size: int) -> bytes:
        if size > MAX_BODY:
            raise _Refused("413 Content Too Large")
        if len(self._buffer) < size:
            parts, have = [self._buffer], len(self._buffer)
            while have < size:
                data = self._sock.recv(min(1 << 20, max(65536, size - have)))
                if not data:
                    raise ClientGone
                parts.append(data)
                have += len(data)
            self._buffer = b"".join(parts)
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        return body

    def _more(self) -> None:
        data = self._sock.recv(65536)
        if not data:
            raise ClientGone
        self._buffer += data


def _cut(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not name or name != name.strip():
        raise _Refused("400 Bad Request")
    return name, value


@lru_cache(maxsize=1024)
def _environ_name(lower: str) -> str:
    upper = lower.upper().replace("-", "_")
    return upper if upper in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + upper
