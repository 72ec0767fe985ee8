"""The head of an upstream's answer: its status, its headers, and what they say of the body (RFC 9112)."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_HEAD_BYTES = 64 * 1024  # with all interim answers before it
MAX_HEADERS = 100

_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(r"HTTP/1\.(\d) +([1-9]\d\d)(?:[ \t].*)?")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NEVER = re.compile(r"\0|\r(?!\n)")
_LENGTH = re.compile(r"[0-9]{1,18}")
_BODILESS = (204, 304)


class BadHead(Exception):
    """What came is no head of an HTTP/1 answer. Its text holds nothing of what came: that may repeat a key."""


class Head(NamedTuple):
    """A head, and how the body behind it is framed.

    ``headers`` have lower-case names. ``length`` counts the body's bytes; None where it is chunked, or ends with the
    connection. ``rest`` is what came behind the head already.
    """

    status: int
    headers: dict[str, str]
    is_chunked: bool
    length: int | None
    can_be_kept: bool
    rest: bytes


class HeadReader:
    """Puts a head together from the pieces in which it comes; skips interim answers (status 1xx)."""

    __slots__ = ("_got", "_interim_bytes")

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._got = b""
        self._interim_bytes = 0

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing at all has come."""
        return not self._got and not self._interim_bytes

    def feed(self, raw: bytes) -> Head | None:
        """Take the next bytes; return the head once it is whole.

        Raises:
            BadHead: it will never be one.
        """
        looked_at = max(0, len(self._got) - 3)  # without an end
        self._got = got = self._got + raw if self._got else raw
        while True:
            if got[:7] != b"HTTP/1."[: len(got)]:
                raise BadHead("the answer does not begin as HTTP/1 does")
            end = _END.search(got, looked_at)
            if self._interim_bytes + (end.end() if end else len(got)) > MAX_HEAD_BYTES:
                raise BadHead(f"a header of more than {MAX_HEAD_BYTES} bytes")
            if end is None:
                return None
            rest = got[end.end() :]
            minor, status, headers = _parsed(got[: end.start()].decode("latin-1"))
            if status == 101:
                raise BadHead("another protocol, which nobody asked for")
            if status >= 200:
                return _framed(minor, status, headers, rest)
            self._interim_bytes += end.end()
            self._got = got = rest
            looked_at = 0


def _parsed(text: str) -> tuple[int, int, dict[str, str]]:
    """Return the minor version, the status and the headers; one that comes twice is joined as RFC 9110, 5.3 says."""
    if _NEVER.search(text):
        raise BadHead("a header with a character that none may have")
    first, *lines = text.split("\n")
    status_line = _STATUS_LINE.fullmatch(first.rstrip("\r"))
    if status_line is None:
        raise BadHead("no status line")
    if len(lines) > MAX_HEADERS:
        raise BadHead(f"more than {MAX_HEADERS} headers")
    headers: dict[str, str] = {}
    name = ""
    for line in lines:
        value = line.strip(" \t\r")
        if line[0] in " \t":  # the last header goes on, in a way that is out of use
            if not name:
                raise BadHead("a header that begins with a space")
            headers[name] = f"{headers[name]} {value}"
            continue
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t").lower()
        if not colon or not _NAME.fullmatch(name):
            raise BadHead("a header that is none")
        value = value.strip(" \t\r")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return int(status_line[1]), int(status_line[2]), headers


def _framed(minor: int, status: int, headers: dict[str, str], rest: bytes) -> Head:
    """Find out where the body ends (RFC 9112, 6.3) and whether the connection lives on (9.3)."""
    options = headers.get("connection", "").lower()
    can_be_kept = "close" not in options if minor else "keep-alive" in options
    codings = headers.get("transfer-encoding", "identity").lower()
    length_told = headers.get("content-length")
    length = None
    if length_told is not None:
        [told, *others] = {each.strip() for each in length_told.split(",")}
        if others or not _LENGTH.fullmatch(told):
            raise BadHead("no one length of the body")
        length = int(told)
    if codings != "identity":
        if codings != "chunked":
            raise BadHead("a transfer coding other than chunked")
        # With a length beside it, or below HTTP/1.1, somebody on the way may see the end elsewhere.
        return Head(status, headers, True, None, can_be_kept and minor > 0 and length is None, rest)
    if status in _BODILESS:
        length = 0
    return Head(status, headers, False, length, can_be_kept and length is not None, rest)
