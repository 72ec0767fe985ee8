"""What is no HTTP, and forms that overflow or hold odd bytes: a clear answer, and a worker that goes on."""

from __future__ import annotations

import json
import re
import socket

import pytest
import requests

from tests.harness.gateway import Gateway
from tests.security.wire import HTTP, form

BROKEN = {
    "request line": ("GET /v1/models\r\n\r\n", 400, "invalid_http"),
    "no method": ("G<T /v1/models " + HTTP + "\r\n", 400, "invalid_http"),
    "version": ("GET /v1/models HTTP/9.9\r\n\r\n", 400, "invalid_http"),
    "header name": ("GET /v1/models " + HTTP + "A b: c\r\n\r\n", 400, "invalid_http"),
    "folded header": ("GET /v1/models " + HTTP + "A: b\r\n c\r\n\r\n", 400, "invalid_http"),
    "two lengths": (
        "POST /v1/responses " + HTTP + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        400,
        "invalid_http",
    ),
    "length and chunks": (
        "POST /v1/responses " + HTTP + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "invalid_http",
    ),
    "unknown coding": ("POST /v1/responses " + HTTP + "Transfer-Encoding: fish\r\n\r\n", 501, "invalid_http"),
    "long address": ("GET /v1/models?" + "a" * 9000 + " " + HTTP + "\r\n", 414, "uri_too_long"),
    "long header": ("GET /v1/models " + HTTP + "A: " + "b" * 20_000 + "\r\n\r\n", 431, "headers_too_large"),
    "many headers": ("GET /v1/models " + HTTP + "A: b\r\n" * 200 + "\r\n", 431, "headers_too_large"),
}


def exchange(gateway: Gateway, sent: bytes) -> bytes:
    """Send bytes and read until the server closes, or says nothing for long."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as connection:
        connection.sendall(sent)
        got = b""
        try:
            while piece := connection.recv(65536):
                got += piece
        except ConnectionResetError:
            pass
        return got


@pytest.mark.parametrize("kind", BROKEN)
def test_request_that_cannot_be_read_is_answered_in_the_shape_of_all_errors(gateway: Gateway, kind: str) -> None:
    sent, status, code = BROKEN[kind]
    head, _, body = exchange(gateway, sent.encode()).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/json" in head
    assert re.search(rb"x-request-id: req_[0-9a-f]{32}", head)
    assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}
    assert json.loads(body)["error"]["code"] == code


def test_bad_chunk_is_answered_in_the_shape_of_all_errors(gateway: Gateway, token: str) -> None:
    told = f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    answer = exchange(gateway, f"POST /v1/chat/completions {HTTP}{told}\r\nzz\r\nabc\r\n0\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"invalid_json"' in answer


@pytest.mark.parametrize("path", ["/", "/v1/models", "/static/none", "/nowhere"])
def test_no_answer_tells_a_version(gateway: Gateway, path: str) -> None:
    answer = requests.get(gateway.url + path, timeout=20)
    assert answer.headers.get("Server", "") in ("", "gunicorn")
    assert not {"X-Powered-By", "Via"} & set(answer.headers)


@pytest.mark.usefixtures("trickled")
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"&".join(b"a%d=1" % number for number in range(100_000)), "application/x-www-form-urlencoded", 413),
        (b"a=1&" * 4000, "application/x-www-form-urlencoded", 400),
        (b"email=\xff\xfe&password=\xc3\x28", "application/x-www-form-urlencoded", 400),
        (b"email=a%00b%40example.org&password=%00%00", "application/x-www-form-urlencoded", 400),
        (b"\x00" * 3000, "application/x-www-form-urlencoded", 400),
        (b"email=a", "application/x-www-form-urlencoded; charset=utf-7", 400),
        (b"--x\r\n" * 1500, "multipart/form-data; boundary=x", 400),
        (b"--x", "multipart/form-data; boundary=" + "y" * 500, 400),
        (b"--x", "multipart/form-data", 400),
        (b"[" * 10_000, "application/json", 400),
    ],
)
def test_odd_form_is_refused_and_the_worker_goes_on(gateway: Gateway, body: bytes, kind: str, status: int) -> None:
    answer = exchange(gateway, form(body, kind))
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert requests.get(f"{gateway.url}/healthz", timeout=20).status_code == 200
    assert "Traceback" not in gateway.stderr_text()


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("/sign-in", b"a%00b%40example.org"),
        ("/sign-up", b"a%00b%40example.org"),
        ("/sign-in", b"%ff%fe%40example.org"),  # no UTF-8
        ("/sign-in", b"a%ed%a0%80%40example.org"),  # half a surrogate pair
    ],
)
def test_odd_text_in_a_field_is_a_fault_of_the_form(gateway: Gateway, page: str, text: bytes) -> None:
    visitor = requests.Session()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', visitor.get(gateway.url + page, timeout=20).text)
    assert token
    body = b"csrf_token=" + token[1].encode() + b"&email=" + text + b"&password=" + text
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert visitor.post(gateway.url + page, data=body, headers=headers, timeout=20).status_code == 422
