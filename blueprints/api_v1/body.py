"""The request's body: read within limits of size and time, decompressed, parsed."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import gevent
import orjson
from backports import zstd
from gunicorn.http.errors import ParseException
from werkzeug.http import parse_options_header

from .errors import BodyTooLarge, BodyTooLate, InvalidRequest, UnsupportedMediaType

ARRIVAL_S = 120.0
_MOST_PARTS = 16  # of a compressed body: members of gzip, frames of zstd
_MOST_CONTAINERS = 1_000_000  # objects and lists: each costs far more memory than its two characters
_PIECE = 256 * 1024
_MB = 1024 * 1024
_WINDOW_LOG_BOUNDS = zstd.DecompressionParameter.window_log_max.bounds()


def receive_body(environ: dict[str, Any], limit_bytes: int) -> bytes:
    """Return the body as it was sent.

    Raises:
        UnsupportedMediaType: the content type is not understood.
        BodyTooLarge: over the limit.
        BodyTooLate: it did not arrive in time.
        InvalidRequest: it is cut off.
    """
    _check_content_type(environ.get("CONTENT_TYPE", ""))
    return _read(environ, limit_bytes)


def json_object(raw: bytes) -> dict[str, Any]:
    """Return a body as the JSON object that it must be.

    Raises:
        InvalidRequest: it is not JSON in UTF-8, or not an object.
    """
    if not raw or raw.isspace():
        raise InvalidRequest("The body is empty. Send a JSON object.", code="invalid_json")
    if len(raw) > _MOST_CONTAINERS and raw.count(b"{") + raw.count(b"[") > _MOST_CONTAINERS:
        raise InvalidRequest(f"The body holds more than {_MOST_CONTAINERS:,} objects and lists.", code="invalid_json")
    try:
        body = orjson.loads(raw.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"The body is not valid JSON: {_json_fault(error)}.", code="invalid_json") from error
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.", code="invalid_type")
    return body


def _check_content_type(content_type: str) -> None:
    if content_type in ("", "application/json"):
        return
    kind, parameters = parse_options_header(content_type)
    kind = kind.lower()
    if kind and kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnsupportedMediaType(f"Send the body as application/json, not as {kind[:100]}.")
    if parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType("Send the body in UTF-8.")


def _read(environ: dict[str, Any], limit_bytes: int) -> bytes:
    length = environ.get("CONTENT_LENGTH")
    if length:
        if not (length.isascii() and length.isdecimal()):
            raise InvalidRequest("The Content-Length header is not a number.")
        if int(length) > limit_bytes:
            raise _too_large("request", limit_bytes)
        raw = _arriving(environ["wsgi.input"], int(length))
        if len(raw) < int(length):
            raise InvalidRequest("The body is shorter than its Content-Length says.", code="invalid_json")
    elif environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
        raw = _arriving(environ["wsgi.input"], limit_bytes + 1)
        if len(raw) > limit_bytes:
            raise _too_large("request", limit_bytes)
    else:
        raw = b""
    return raw


def _arriving(stream: Any, most_bytes: int) -> bytes:
    pieces = []
    try:
        with gevent.Timeout(ARRIVAL_S, BodyTooLate()):
            while most_bytes > 0 and (piece := stream.read(min(most_bytes, _PIECE))):
                pieces.append(piece)
                most_bytes -= len(piece)
    except (OSError, ParseException) as error:  # a client that left; broken chunks
        raise InvalidRequest("The body is cut off.", code="invalid_json") from error
    return b"".join(pieces)


def unpack_body(raw: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Undo one Content-Encoding without ever holding more than the limit.

    Raises:
        UnsupportedMediaType: the encoding is not understood.
        BodyTooLarge: over the limit once it is undone.
        InvalidRequest: the body is not compressed as it says.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return raw
    try:
        if encoding in ("gzip", "x-gzip"):
            plain = _gunzip(raw, limit_bytes)
        elif encoding == "zstd":
            plain = _unzstd(raw, limit_bytes)
        else:
            raise UnsupportedMediaType(f"The content encoding {encoding[:50]} is not supported; gzip and zstd are.")
    except (zlib.error, zstd.ZstdError, EOFError) as error:
        raise InvalidRequest(f"The body is not valid {encoding}.") from error
    if len(plain) > limit_bytes:
        raise _too_large("decompressed", limit_bytes)
    return plain


def _gunzip(raw: bytes, limit_bytes: int) -> bytes:
    return _unpacked(raw, limit_bytes, lambda: zlib.decompressobj(wbits=31), "gzip body", "members")


def _unzstd(raw: bytes, limit_bytes: int) -> bytes:
    # A frame names the memory that its reader has to set aside: no more than the body itself may have, in whole
    # powers of two, and never less than what every reader should offer (RFC 8878, section 3.1.1.1.2).
    window_log = min((max(limit_bytes, 8 * _MB) - 1).bit_length(), _WINDOW_LOG_BOUNDS[1])
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: window_log}
    return _unpacked(raw, limit_bytes, lambda: zstd.ZstdDecompressor(options=options), "zstd body", "frames")


def _unpacked(raw: bytes, limit_bytes: int, reader: Callable[[], Any], body: str, parts: str) -> bytes:
    """Read a body of several parts, each by a reader of its own; stop as soon as the limit is passed."""
    plain = bytearray()
    for _ in range(_MOST_PARTS):  # each copies what is left
        if not raw:
            return bytes(plain)
        part = reader()
        plain += part.decompress(raw, limit_bytes + 1 - len(plain))
        if len(plain) > limit_bytes:
            return bytes(plain)
        if not part.eof:
            raise EOFError("cut off")
        raw = part.unused_data
    if raw:
        raise InvalidRequest(f"The {body} has more than {_MOST_PARTS} {parts}.")
    return bytes(plain)


def _too_large(what: str, limit_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"The {what} body is larger than {limit_bytes // _MB} MB.")


def _json_fault(error: orjson.JSONDecodeError) -> str:
    told = error.msg.lower()
    if "utf-8" in told or "surrogate" in told:
        return "it is not valid UTF-8 text"
    if "recursion" in told or "depth" in told:
        return "it is nested too deeply"
    return f"{error.msg} (line {error.lineno}, column {error.colno})"
