"""What gunicorn itself writes of requests that it cannot read."""

from __future__ import annotations

import socket

import pytest

from tests.conftest import GatewayFactory
from tests.harness.processes import wait_until

TOKEN = "sr_" + "A1b2C3d4" * 4 + "x"


def test_unreadable_request_is_logged_without_its_secrets(gateway_factory: GatewayFactory) -> None:
    gateway = gateway_factory("sqlite")
    secrets = {
        "reset": b"GET /reset/SECRET\xe2\x80\xa6 HTTP/1.1\r\nHost: x\r\n\r\n",
        "operator": b"GET /operator?link=SECRET\xe2\x80\xa6 HTTP/1.1\r\nHost: x\r\n\r\n",
        "token": f"GET /{TOKEN}\u2026 HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        "prompt": b"POST /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n{'a':'SECRET'}\r\n\r\n",
        "header": f"GET / HTTP/1.1\r\nAuthorization Bearer {TOKEN}\r\n\r\n".encode(),
    }
    for request in secrets.values():
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as client:
            client.sendall(request)
            answer = b""
            while piece := client.recv(4096):
                answer += piece
            assert b" 400 " in answer
    wait_until("the requests are logged", lambda: gateway.stderr_text().count("Invalid") >= len(secrets))
    assert "SECRET" not in gateway.stderr_text()
    assert TOKEN not in gateway.stderr_text()


@pytest.mark.parametrize(
    "line",
    [
        "Listening at: http://127.0.0.1:8000 (7)",
        "Worker (pid:7) was sent SIGKILL!",
        "Invalid request from ip=::1: Invalid HTTP Header: 'CONTENT-LENGTH'",
        "Invalid request from ip=127.0.0.1: Request Line is too large (8192 > 4094)",
    ],
)
def test_usual_lines_stay_as_they_are(line: str) -> None:
    from service.process.server_log import redacted

    assert redacted(line) == line


@pytest.mark.parametrize(
    "repeated",
    [
        'Invalid HTTP method: \'{"content":"said\'',
        "Invalid HTTP request line: 'said'",
        'Invalid HTTP Version: "it\'s said"',
        "Invalid HTTP Header: 'HOST said\\nHOST'",
        "Invalid HTTP header name: 'said'",
        "Unsupported transfer coding: 'said'",
    ],
)
def test_what_cannot_be_read_is_not_repeated(repeated: str) -> None:
    from service.process.server_log import redacted

    line = redacted(f"Invalid request from ip=127.0.0.1: {repeated}")
    assert line.endswith(": [text]")
    assert "said" not in line
