"""Bodies that are not what they should be: refused with the field's name, before anything is reserved."""

from __future__ import annotations

import gzip
import json
import socket
import time
from typing import Any

import pytest
import zstandard

from tests.api.client import Api, error_of
from tests.harness.processes import wait_until

GOOD = json.dumps({"model": "plain", "messages": [{"role": "user", "content": "[[reply fine]]"}]}).encode()
MB = 1024 * 1024


def nested(depth: int) -> bytes:
    return b'{"model":"plain","messages":[{"role":"user","content":"x"}],"deep":' + b"[" * depth + b"]" * depth + b"}"


@pytest.fixture(autouse=True)
def nothing_is_reserved_and_the_worker_lives_on(api: Api) -> Any:
    before, workers = len(api.rows()), api.gateway.worker_pids()
    yield
    bad = [row for row in api.rows()[before:] if row["status"] != "completed"]
    assert bad == []
    assert api.gateway.worker_pids() == workers
    assert api.post_raw(GOOD).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"  \n", "invalid_json"),
        (b"hello", "invalid_json"),
        (GOOD[:-1], "invalid_json"),
        (GOOD + b"x", "invalid_json"),
        (b"[]", "invalid_type"),
        (b'"text"', "invalid_type"),
        (b"null", "invalid_type"),
        (b"\xff\xfe", "invalid_json"),
        (GOOD.replace(b"fine", b"\xff\xfe"), "invalid_json"),
        (GOOD.replace(b"fine", b"\\ud800"), "invalid_json"),
        (GOOD.decode().encode("utf-16"), "invalid_json"),
        (b"[" * 1000, "invalid_json"),
        (nested(1100), "invalid_json"),
        (b'{"a":NaN}', "invalid_json"),
        (b'{"a":1e999}', "invalid_json"),
        (b"\x00", "invalid_json"),
    ],
)
def test_body_that_is_no_json_object_is_refused(api: Api, body: bytes, code: str) -> None:
    http_response = api.post_raw(body)
    assert (http_response.status_code, error_of(http_response)["code"]) == (400, code)


@pytest.mark.parametrize("depth", [300, 1000])
def test_nesting_that_could_not_be_written_again_names_its_field(api: Api, depth: int) -> None:
    http_response = api.post_raw(nested(depth))
    assert (http_response.status_code, error_of(http_response)["param"]) == (400, "deep")
    assert "nested too deeply" in http_response.json()["error"]["message"]


@pytest.mark.parametrize(
    "body", [b"\xef\xbb\xbf" + GOOD, GOOD.replace(b'"plain"', b'"nowhere","model":"plain"'), nested(100)]
)
def test_byte_order_mark_doubled_keys_and_some_nesting_are_fine(api: Api, body: bytes) -> None:
    assert api.post_raw(body).status_code == 200


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"messages": None}, "missing_required_parameter", "messages"),
    ({"messages": "hi"}, "invalid_type", "messages"),
    ({"messages": []}, "invalid_value", "messages"),
    ({"messages": ["hi"]}, "invalid_type", "messages[0]"),
    ({"messages": [{}]}, "missing_required_parameter", "messages[0].role"),
    ({"messages": [{"role": 5}]}, "invalid_type", "messages[0].role"),
    ({"messages": [{"role": "boss", "content": "x"}]}, "invalid_value", "messages[0].role"),
    ({"messages": [{"role": "user"}]}, "missing_required_parameter", "messages[0].content"),
    ({"messages": [{"role": "user", "content": 5}]}, "invalid_type", "messages[0].content"),
    ({"messages": [{"role": "user", "content": [5]}]}, "invalid_type", "messages[0].content[0]"),
    ({"messages": [{"role": "user", "content": [{}]}]}, "missing_required_parameter", "messages[0].content[0].type"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "invalid_type", "messages[0].content[0].text"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]},
        "invalid_type",
        "messages[0].content[0].image_url",
    ),
    ({"messages": [{"role": "tool", "content": "x"}]}, "missing_required_parameter", "messages[0].tool_call_id"),
    ({"messages": [{"role": "assistant", "tool_calls": 5}]}, "invalid_type", "messages[0].tool_calls"),
    ({"model": 5}, "invalid_type", "model"),
    ({"model": "x" * 300}, "string_above_max_length", "model"),
    ({"stream": "yes"}, "invalid_type", "stream"),
    ({"stream": 1}, "invalid_type", "stream"),
    ({"stream_options": []}, "invalid_type", "stream_options"),
    ({"stream_options": {"include_usage": 1}}, "invalid_type", "stream_options.include_usage"),
    ({"temperature": "hot"}, "invalid_type", "temperature"),
    ({"temperature": True}, "invalid_type", "temperature"),
    ({"temperature": 3}, "invalid_value", "temperature"),
    ({"top_p": -0.1}, "invalid_value", "top_p"),
    ({"max_tokens": 0}, "invalid_value", "max_tokens"),
    ({"max_tokens": 1.5}, "invalid_type", "max_tokens"),
    ({"max_completion_tokens": "5"}, "invalid_type", "max_completion_tokens"),
    ({"presence_penalty": 2.1}, "invalid_value", "presence_penalty"),
    ({"frequency_penalty": []}, "invalid_type", "frequency_penalty"),
    ({"stop": 5}, "invalid_type", "stop"),
    ({"stop": ["a", 5]}, "invalid_type", "stop[1]"),
    ({"stop": ["a"] * 5}, "array_above_max_length", "stop"),
    ({"seed": "x"}, "invalid_type", "seed"),
    ({"seed": 10**30}, "invalid_type", "seed"),
    ({"n": 0}, "invalid_value", "n"),
    ({"n": 129}, "invalid_value", "n"),
    ({"logprobs": 1}, "invalid_type", "logprobs"),
    ({"top_logprobs": 21, "logprobs": True}, "invalid_value", "top_logprobs"),
    ({"top_logprobs": 2}, "invalid_value", "top_logprobs"),
    ({"logit_bias": []}, "invalid_type", "logit_bias"),
    ({"tools": {}}, "invalid_type", "tools"),
    ({"tools": ["x"]}, "invalid_type", "tools[0]"),
    ({"tool_choice": 5}, "invalid_type", "tool_choice"),
    ({"parallel_tool_calls": "no"}, "invalid_type", "parallel_tool_calls"),
    ({"response_format": "json"}, "invalid_type", "response_format"),
    ({"reasoning_effort": "huge"}, "invalid_value", "reasoning_effort"),
    ({"reasoning_effort": 1}, "invalid_type", "reasoning_effort"),
    ({"metadata": "x"}, "invalid_type", "metadata"),
    ({"user": 1}, "invalid_type", "user"),
]


def test_each_wrong_field_is_named_with_what_is_wrong(api: Api) -> None:
    for fields, code, param in WRONG:
        http_response = api.post_raw(json.dumps(json.loads(GOOD) | fields).encode())
        error = error_of(http_response)
        assert (http_response.status_code, error["code"], error["param"]) == (400, code, param), fields
        assert param in error["message"]


def test_null_means_absent_for_every_optional_field(api: Api) -> None:
    names = {name for fields, _, _ in WRONG for name in fields} - {"messages", "model"}
    assert api.post_raw(json.dumps(json.loads(GOOD) | dict.fromkeys(names)).encode()).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=UTF-8", 200),
        ("application/json; charset=utf-8; x=y", 200),
        ("application/vnd.api+json", 200),
        ("", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/json; charset=latin-1", 415),
        ("garbage", 415),
    ],
)
def test_content_type_must_be_json_or_absent(api: Api, content_type: str, status: int) -> None:
    http_response = api.post_raw(GOOD, Content_Type=content_type)
    assert http_response.status_code == status
    if status == 415:
        assert error_of(http_response)["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(GOOD)),
        ("GZIP", gzip.compress(GOOD[:30]) + gzip.compress(GOOD[30:])),
        ("zstd", zstandard.compress(GOOD)),
        ("identity", GOOD),
    ],
)
def test_compressed_bodies_are_understood(api: Api, encoding: str, packed: bytes) -> None:
    assert api.post_raw(packed, Content_Encoding=encoding).status_code == 200


@pytest.mark.parametrize(
    ("encoding", "packed", "status"),
    [
        ("gzip", gzip.compress(b" " * 100 * MB), 413),
        ("zstd", zstandard.compress(b" " * 100 * MB), 413),
        ("zstd", b"\x28\xb5\x2f\xfd\x00\xa0" + b"\x00" * 8, 400),  # asks for 1 GB of window
        ("gzip", GOOD, 400),
        ("zstd", GOOD, 400),
        ("gzip", gzip.compress(GOOD)[:-9], 400),
        ("zstd", zstandard.compress(GOOD)[:-3], 400),
        ("gzip", gzip.compress(GOOD) + b"more", 400),
        ("br", GOOD, 415),
        ("gzip, gzip", GOOD, 415),
    ],
)
def test_bombs_and_broken_compression_are_refused(api: Api, encoding: str, packed: bytes, status: int) -> None:
    http_response = api.post_raw(packed, Content_Encoding=encoding)
    assert http_response.status_code == status
    error_of(http_response)


def test_body_over_the_limit_is_refused_by_its_length_and_by_its_bytes(api: Api) -> None:
    large = GOOD + b" " * 2 * MB
    http_response = api.post_raw(large)
    error = error_of(http_response)
    assert (http_response.status_code, error["code"]) == (413, "request_too_large")
    assert "2 MB" in error["message"]
    assert http_response.headers["x-should-retry"] == "false"
    chunked = api.session.post(
        f"{api.url}/chat/completions",
        data=iter([large[:MB], large[MB:]]),
        headers={"Content-Type": "application/json"},
        timeout=20,
    )
    assert chunked.status_code == 413


def test_chunked_body_is_understood(api: Api) -> None:
    http_response = api.session.post(
        f"{api.url}/chat/completions",
        data=iter([GOOD[:7], GOOD[7:]]),
        headers={"Content-Type": "application/json"},
        timeout=5,
    )
    assert http_response.status_code == 200


def ask_raw(api: Api, head: str, body: bytes, *, then_close: bool = True) -> bytes:
    """Send bytes as they are and give what comes back."""
    client = socket.create_connection(("127.0.0.1", api.gateway.port), timeout=5)
    with client:
        start = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token}\r\n{head}\r\n\r\n"
        client.sendall(start.encode() + body)
        if then_close:
            client.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
        return answer


def test_body_shorter_than_its_length_is_refused(api: Api) -> None:
    answer = ask_raw(api, f"Content-Length: {len(GOOD) + 10}", GOOD)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"shorter than its Content-Length" in answer


@pytest.mark.parametrize("chunks", [b"zz\r\n" + GOOD, b"5\r\n{", b"5\r\n{}xxxxxxxx\r\n0\r\n\r\n"])
def test_broken_chunks_are_refused(api: Api, chunks: bytes) -> None:
    answer = ask_raw(api, "Transfer-Encoding: chunked", chunks)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b'"code":"invalid_json"' in answer


def test_body_that_comes_slowly_holds_nobody_up(api: Api) -> None:
    slow = socket.create_connection(("127.0.0.1", api.gateway.port), timeout=5)
    with slow:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token}\r\n"
        slow.sendall(f"{head}Content-Length: {len(GOOD)}\r\n\r\n".encode() + GOOD[:10])
        started = time.monotonic()
        assert api.post_raw(GOOD).status_code == 200
        assert time.monotonic() - started < 1
        for byte in GOOD[10:]:
            slow.sendall(bytes([byte]))
        assert slow.recv(20).startswith(b"HTTP/1.1 200")


def test_client_that_leaves_in_the_middle_of_its_body_leaves_nothing_behind(api: Api) -> None:
    with socket.create_connection(("127.0.0.1", api.gateway.port), timeout=5) as client:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token}\r\n"
        client.sendall(f"{head}Content-Length: 1000\r\n\r\n".encode() + GOOD)
    wait_until("the gateway noticed", lambda: any(line.get("status") == 400 for line in api.gateway.log_lines()[-3:]))
