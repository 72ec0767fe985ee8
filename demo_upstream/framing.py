"""Server-sent events as bytes: the usual form, and every odd one that a script can ask for."""

import json
import zlib
from typing import Any

import orjson

from demo_upstream.script import Script

DONE = b"[DONE]"
COMMENT = b": demo-backend keep-alive\n\n"
BAD_JSON = b'{"choices":[{"index":0,"delta":{"content":"demo-backend-secret'
BAD_UTF8 = b'{"choices":[{"index":0,"delta":{"content":"demo \xff\xfe\xc3"},"finish_reason":null}]}'


class Framer:
    """Makes one SSE event out of a name (may be empty) and a payload."""

    def __init__(self, script: Script) -> None:
        forms = frozenset(script.frame)
        self._forms = forms
        self._newline = b"\r\n" if "crlf" in forms else b"\r" if "cr" in forms else b"\n"
        self._space = b"" if "no-space" in forms else b" "
        self._number = 0

    def frame(self, name: str, payload: bytes) -> bytes:
        """The bytes of the event, the empty line included."""
        if not self._forms:
            head = b"event: " + name.encode() + b"\n" if name else b""
            return head + b"data: " + payload + b"\n\n"
        lines = self._head(name)
        lines += [b"data:" + self._space + line for line in self._payload_lines(payload)]
        start = b"\xef\xbb\xbf" if "bom" in self._forms and self._number == 0 else b""
        self._number += 1
        return start + self._newline.join((*lines, b"", b""))

    def _head(self, name: str) -> list[bytes]:
        lines = [b": demo-backend comment"] if "comments" in self._forms else []
        if "ids" in self._forms:
            lines.append(b"id:" + self._space + str(self._number).encode())
        if not name and "event-names" in self._forms:
            name = "message"
        if name and "no-event-names" not in self._forms:
            lines.append(b"event:" + self._space + name.encode())
        return lines

    def _payload_lines(self, payload: bytes) -> list[bytes]:
        if payload[:1] not in (b"{", b"["):
            return [payload]
        if payload == DONE or not self._forms & {"spaced-json", "multi-data"}:
            return [payload]
        value: Any = orjson.loads(payload)
        if "multi-data" in self._forms:  # a reader joins the lines with line feeds: between JSON tokens only
            return orjson.dumps(value, option=orjson.OPT_INDENT_2).split(b"\n")
        return [json.dumps(value).encode()]


class Packer:
    """Cuts bytes of the body into HTTP parts: which writes, which chunks, compressed or not."""

    def __init__(self, script: Script, *, chunked: bool) -> None:
        self._chunked = chunked
        self._mode = script.write
        self._zip = zlib.compressobj(wbits=31) if script.gzip else None
        self._gathered: list[bytes] = []

    def parts(self, data: bytes) -> list[bytes]:
        """What to write now for ``data``, one list item per write."""
        if self._mode == "one":
            self._gathered.append(data)
            return []
        if self._zip is not None:
            data = self._zip.compress(data) + self._zip.flush(zlib.Z_SYNC_FLUSH)
        if self._mode == "bytes":
            return [self._chunk(data[n : n + 1]) for n in range(len(data))]
        if self._mode == "halves":
            cut = _middle(data)
            return [self._chunk(piece) for piece in (data[:cut], data[cut:]) if piece]
        return [self._chunk(data)]

    def end(self) -> bytes:
        """What ends the body properly."""
        rest = b"".join(self._gathered)
        if self._zip is not None:
            rest = (self._zip.compress(rest) if rest else b"") + self._zip.flush()
        return (self._chunk(rest) if rest else b"") + (b"0\r\n\r\n" if self._chunked else b"")

    def _chunk(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data


def _middle(data: bytes) -> int:
    """Inside the first character of several bytes if there is one, else the middle."""
    for n, byte in enumerate(data):
        if byte >= 0xC0:
            return n + 1
    return max(1, len(data) // 2)
