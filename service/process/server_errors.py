"""What gunicorn answers by itself, before the service sees a request: JSON in OpenAI's shape, not its HTML.

Requests that cannot be read have no path to go by, and those that reach this point come from programs: a browser
frames its requests rightly. The text is ours, so that nothing is repeated of what was sent.
"""

from __future__ import annotations

import json
import logging
import socket
from contextlib import suppress
from typing import Any

from gunicorn import util

from service.request_ids import new_request_id

_INVALID = (
    "invalid_request_error",
    "invalid_http",
    "The request is not valid HTTP/1.1, or not as this server takes it.",
)
_BY_STATUS = {
    414: ("invalid_request_error", "uri_too_long", "The address of the request is too long."),
    431: ("invalid_request_error", "headers_too_large", "The headers of the request are too large or too many."),
    500: ("server_error", "internal_error", "The gateway met an unexpected fault. Please try again."),
}

log = logging.getLogger("smartroute.server")


def install() -> None:
    """Let gunicorn, in this process, answer in our words."""
    util.write_error = write_error


def write_error(sock: socket.socket, status_int: int, reason: str, mesg: str) -> None:
    """Answer an error; takes gunicorn's arguments and leaves ``mesg``, its own words, out."""
    request_id = new_request_id()
    kind, code, message = _BY_STATUS.get(status_int, _INVALID)
    body = json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()
    head = (
        f"HTTP/1.1 {status_int} {reason}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Access-Control-Allow-Origin: *\r\n"
        f"x-request-id: {request_id}\r\n\r\n"
    )
    log.warning("%s: answered %d %s to %s before a request was read", request_id, status_int, code, _peer(sock))
    util.write_nonblock(sock, head.encode("latin-1") + body)


def _peer(sock: Any) -> str:
    with suppress(OSError, IndexError, TypeError):
        return str(sock.getpeername()[0])
    return "nobody"
