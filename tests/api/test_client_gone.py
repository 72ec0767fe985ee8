"""A client that leaves ends the upstream's request within two seconds, whatever either of them is doing."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import time

import pytest

from tests.api.client import Api
from tests.harness.demo import Demo
from tests.harness.processes import wait_until

SECONDS = 2.0


def upstream_closed(demo: Demo, since: int) -> float:
    """Wait until the newest request's connection is gone; gives how long that took."""
    started = time.monotonic()
    entry = wait_until(
        "the upstream's request has ended",
        lambda: next((e for e in demo.requests()[-1:] if e["number"] > since and e["outcome"] != "open"), None),
        timeout_s=5,
    )
    assert entry is not None
    assert entry["outcome"] == "client_gone"
    return time.monotonic() - started


def newest(demo: Demo) -> int:
    return max((entry["number"] for entry in demo.requests()), default=0)


def wait_for_request(demo: Demo, since: int) -> None:
    wait_until("the upstream was asked", lambda: newest(demo) > since)
    time.sleep(0.1)


def leave(client: socket.socket, how: str) -> None:
    if how == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def body(words: str, stream: bool) -> bytes:
    fields = {"model": "patient", "messages": [{"role": "user", "content": words}], "stream": stream}
    return json.dumps(fields).encode()


def ask(api: Api, words: str, *, stream: bool = True, more: bytes = b"") -> socket.socket:
    raw = body(words, stream)
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
    )
    client = socket.create_connection(("127.0.0.1", api.gateway.port), timeout=20)
    client.sendall(head.encode() + raw + more)
    return client


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(
    ("words", "stream"),
    [("[[delay 20]]", True), ("[[wait 20]]", True), ("[[delay 20]]", False), ("[[silence 20]]", False)],
    ids=[
        "stream before its header",
        "stream before its first byte",
        "whole before its header",
        "inside a whole answer",
    ],
)
def test_leaving_before_output_ends_the_upstream_and_counts_nothing(
    api: Api, demo: Demo, words: str, stream: bool, how: str
) -> None:
    since = newest(demo)
    client = ask(api, words, stream=stream)
    wait_for_request(demo, since)
    leave(client, how)
    assert upstream_closed(demo, since) < SECONDS
    row = api.closed_row(api.newest_row()["request_id"])
    assert (row["status"], row["counted"], row["error_code"]) == ("cancelled", 0, "client_gone")
    assert api.gateway.log_line(row["request_id"])["outcome"] == "cancelled"


@pytest.mark.parametrize("how", ["close", "reset"])
def test_leaving_in_the_silence_after_output_ends_the_upstream_and_counts(api: Api, demo: Demo, how: str) -> None:
    since = newest(demo)
    client = ask(api, "[[silence 20@4]]")
    received = b""
    while received.count(b"data: ") < 3:
        received += client.recv(65536)
    leave(client, how)
    assert upstream_closed(demo, since) < SECONDS
    row = api.closed_row(api.newest_row()["request_id"])
    assert (row["status"], row["counted"], row["error_code"]) == ("cancelled", 1, "client_gone")
    assert row["completion_tokens"] > 0


def test_leaving_is_seen_behind_bytes_sent_ahead(api: Api, demo: Demo) -> None:
    since = newest(demo)
    client = ask(api, "[[wait 20]]", more=b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_for_request(demo, since)
    leave(client, "close")
    assert upstream_closed(demo, since) < SECONDS
    assert api.closed_row(api.newest_row()["request_id"])["counted"] == 0


def test_leaving_while_the_worker_waits_to_write_ends_the_upstream(api: Api, demo: Demo) -> None:
    since = newest(demo)
    client = ask(api, "[[endless deltas]]")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wait_for_request(demo, since)
    before = demo.requests()[-1]["events"]
    wait_until("the reader's buffers are full", lambda: still(demo, 0.3), timeout_s=15)
    assert demo.requests()[-1]["events"] >= before
    leave(client, "close")
    assert upstream_closed(demo, since) < SECONDS
    assert api.closed_row(api.newest_row()["request_id"])["counted"] == 1


def test_nothing_is_done_for_clients_that_left_before_their_connection_was_accepted(api: Api, demo: Demo) -> None:
    rows, since = len(api.rows()), newest(demo)
    [worker] = api.gateway.worker_pids()
    os.kill(worker, signal.SIGSTOP)
    try:
        for client in [ask(api, "[[reply nobody]]", stream=stream) for stream in (True, False) * 10]:
            client.close()
        patient = ask(api, "[[reply somebody]]", stream=False)
    finally:
        os.kill(worker, signal.SIGCONT)
    with patient:
        assert b"somebody" in patient.recv(65536)
    assert [row["status"] for row in api.rows()[rows:]] == ["completed"]
    assert [entry["number"] for entry in demo.requests() if entry["number"] > since] == [since + 1]


def still(demo: Demo, seconds: float) -> bool:
    """Whether the upstream got rid of no event for a while."""
    before = demo.requests()[-1]["events"]
    time.sleep(seconds)
    return bool(demo.requests()[-1]["events"] == before)


def test_request_sent_ahead_is_answered_after_the_stream(api: Api) -> None:
    models = f"GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token}\r\nConnection: close\r\n\r\n"
    client = ask(api, "[[reply first]] [[wait 0.2]]", more=models.encode())
    with client:
        received = b""
        while piece := client.recv(65536):
            received += piece
    assert received.count(b"HTTP/1.1 200") == 2
    assert received.index(b"[DONE]") < received.index(b'"object":"list"')


def test_client_that_hangs_up_at_done_is_settled_as_completed(api: Api) -> None:
    client = ask(api, "[[reply one two]]")
    received = b""
    while b"[DONE]" not in received:
        received += client.recv(65536)
    leave(client, "reset")
    row = api.newest_row()
    assert (row["status"], row["completion_tokens"], row["owner_id"]) == ("completed", 2, None)
