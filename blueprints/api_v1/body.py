"""The request's body: read within limits of size and time, decompressed, parsed."""

from __future__ import annotations

import zlib
from typing import Any

import gevent
import orjson
import zstandard

from .errors import BodyTooLarge, BodyTooLate, InvalidRequest, UnsupportedMediaType

ARRIVAL_S = 120.0
_PIECE = 256 * 1024


def read_json_object(environ: dict[str, Any], limit_bytes: int) -> dict[str, Any]:
    """Return the body as a JSON object.

    Raises:
        UnsupportedMediaType: the content type or encoding is not understood.
        BodyTooLarge: over the limit, as sent or decompressed.
        BodyTooLate: it did not arrive in time.
        InvalidRequest: it is not JSON in UTF-8, or not an object.
    """
    _check_content_type(environ.get("CONTENT_TYPE", ""))
    raw = _decompress(_read(environ, limit_bytes), environ.get("HTTP_CONTENT_ENCODING", ""), limit_bytes)
    if not raw.strip():
        raise InvalidRequest("The body is empty. Send a JSON object.", code="invalid_json")
    try:
        body = orjson.loads(raw.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"The body is not valid JSON: {_json_fault(error)}.", code="invalid_json") from error
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.", code="invalid_type")
    return body


def _check_content_type(content_type: str) -> None:
    kind, _, parameters = content_type.partition(";")
    kind = kind.strip().lower()
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMediaType(f"Send the body as application/json, not as {kind[:100]}.")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if charset and "charset" in parameters.lower() and charset not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType("Send the body in UTF-8.")


def _read(environ: dict[str, Any], limit_bytes: int) -> bytes:
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH")
    if length:
        if not length.isdecimal():
            raise InvalidRequest("The Content-Length header is not a number.", code="invalid_value")
        if int(length) > limit_bytes:
            raise BodyTooLarge(f"The request body is larger than {limit_bytes // 1024 // 1024} MB.")
        wanted = int(length)
    elif environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
        wanted = limit_bytes + 1
    else:
        return b""
    with gevent.Timeout(ARRIVAL_S, BodyTooLate()):
        pieces = []
        while wanted > 0:
            piece = stream.read(min(wanted, _PIECE))
            if not piece:
                break
            pieces.append(piece)
            wanted -= len(piece)
    raw = b"".join(pieces)
    if len(raw) > limit_bytes:
        raise BodyTooLarge(f"The request body is larger than {limit_bytes // 1024 // 1024} MB.")
    return raw


def _decompress(raw: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Undo one Content-Encoding without ever holding more than the limit."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return raw
    try:
        if encoding in ("gzip", "x-gzip"):
            plain = _gunzip(raw, limit_bytes)
        elif encoding == "zstd":
            with zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as reader:
                plain = _read_all(reader, limit_bytes)
        else:
            raise UnsupportedMediaType(f"The content encoding {encoding[:50]} is not supported; gzip and zstd are.")
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise InvalidRequest(f"The body is not valid {encoding}.", code="invalid_value") from error
    if len(plain) > limit_bytes:
        raise BodyTooLarge(f"The decompressed body is larger than {limit_bytes // 1024 // 1024} MB.")
    return plain


def _gunzip(raw: bytes, limit_bytes: int) -> bytes:
    plain = bytearray()
    while raw:  # a gzip body may consist of several members
        member = zlib.decompressobj(wbits=31)
        plain += member.decompress(raw, limit_bytes + 1 - len(plain))
        if len(plain) > limit_bytes:
            break
        if not member.eof:
            raise EOFError("cut off")
        raw = member.unused_data
    return bytes(plain)


def _read_all(reader: Any, limit_bytes: int) -> bytes:
    plain = bytearray()
    while len(plain) <= limit_bytes and (piece := reader.read(_PIECE)):
        plain += piece
    return bytes(plain)


def _json_fault(error: orjson.JSONDecodeError) -> str:
    if "utf-8" in error.msg.lower() or "surrogate" in error.msg.lower():
        return "it is not valid UTF-8 text"
    if "recursion" in error.msg.lower():
        return "it is nested too deeply"
    return f"{error.msg} (line {error.lineno}, column {error.colno})"
